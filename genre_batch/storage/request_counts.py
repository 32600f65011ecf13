"""How many requests this process has sent to S3, by operation and status; each retry counts."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

NO_ANSWER = "none"
"""The status of a request without a response."""

_LOCK = Lock()
_COUNTS = Counter[tuple[str, str]]()


def count_requests(events: "BaseEventHooks") -> None:
    """Count every request of the client that these events belong to."""
    events.register("response-received.s3", _count)


def requests_so_far() -> Counter[tuple[str, str]]:
    """Requests of this process so far, by operation (such as GetObject) and HTTP status."""
    with _LOCK:
        return _COUNTS.copy()


def _count(event_name: str, response_dict: Mapping[str, object] | None = None, **_: object) -> None:
    status = str(response_dict["status_code"]) if response_dict else NO_ANSWER
    with _LOCK:
        _COUNTS[event_name.rpartition(".")[2], status] += 1
