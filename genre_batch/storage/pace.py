"""How fast requests go to one prefix of a bucket: at any rate until the server answers 503, then at half of it.

S3 limits the requests per second for a prefix and answers 503 to the rest. Retries alone keep the rate where it is, so
that most of them are refused as well.
"""

import time
from collections import OrderedDict
from threading import Lock, local
from time import sleep
from typing import TYPE_CHECKING, Protocol, TypedDict
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

_PREFIXES = 256
_FOLDERS_OF_PREFIX = 3
_WINDOW_S = 1.0
_SLOWEST_PER_S = 4.0
_RECOVERY = 1.1
_OVER_WHAT_WAS_REFUSED = 2.0


class Pace:
    """The rate of requests to one prefix. Times are those of one monotonic clock, in seconds.

    per_s: requests a second, None while there is no limit. It is halved at most once in a second, since a burst is
    refused together, and not below four requests; it grows by 10 % in each second without a refusal, and ends at twice
    what was refused first.
    """

    def __init__(self, now_s: float) -> None:
        self.per_s: float | None = None
        self._refused_per_s = 0.0
        self._window_s, self._sent, self._sent_before = now_s, 0, 0
        self._changed_s, self._next_s = now_s, now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds to wait before the next request, which is counted as sent after them."""
        self._count(now_s)
        if self.per_s is None:
            return 0.0
        send_s = max(now_s, self._next_s)
        self._next_s = send_s + 1.0 / self.per_s
        return send_s - now_s

    def refused(self, now_s: float) -> None:
        """The server has answered 503."""
        if self.per_s is None:
            self._refused_per_s = max(_SLOWEST_PER_S, self._sent, self._sent_before)
            self.per_s, self._changed_s = max(_SLOWEST_PER_S, self._refused_per_s / 2), now_s
        elif now_s - self._changed_s >= _WINDOW_S:
            self.per_s, self._changed_s = max(_SLOWEST_PER_S, self.per_s / 2), now_s

    def served(self, now_s: float) -> None:
        """The server has answered something else."""
        if self.per_s is not None and now_s - self._changed_s >= _WINDOW_S:
            self.per_s, self._changed_s = self.per_s * _RECOVERY, now_s
            if self.per_s > _OVER_WHAT_WAS_REFUSED * self._refused_per_s:
                self.per_s = None

    def _count(self, now_s: float) -> None:
        if now_s - self._window_s >= _WINDOW_S:
            is_next = now_s - self._window_s < 2 * _WINDOW_S
            self._sent_before, self._sent, self._window_s = self._sent if is_next else 0, 0, now_s
        self._sent += 1


class Request(Protocol):
    """A request that is about to be sent."""

    url: str


class Metadata(TypedDict):
    """What botocore adds to every answer."""

    HTTPStatusCode: int


class ParsedAnswer(TypedDict):
    """An answer that botocore has parsed."""

    ResponseMetadata: Metadata


class Paces:
    """The paces of the prefixes that were used last. Threads may share it."""

    def __init__(self) -> None:
        self._lock, self._of_thread = Lock(), local()
        self._of_prefix: OrderedDict[str, Pace] = OrderedDict()

    def register(self, events: "BaseEventHooks") -> None:
        """Pace all requests of the client that these events belong to, each attempt on its own."""
        events.register("before-send.s3", self._before_send)
        events.register("response-received.s3", self._after_answer)

    def of(self, url: str) -> Pace:
        """The pace for the prefix of `url`: its server, its bucket and up to two folders."""
        parts = urlsplit(url)
        prefix = parts.netloc + "/".join(parts.path.rpartition("/")[0].split("/")[: 1 + _FOLDERS_OF_PREFIX])
        pace = self._of_prefix.setdefault(prefix, Pace(time.monotonic()))
        self._of_prefix.move_to_end(prefix)
        while len(self._of_prefix) > _PREFIXES:
            self._of_prefix.popitem(last=False)
        return pace

    def _before_send(self, request: Request, **_others: object) -> None:
        with self._lock:
            self._of_thread.pace = pace = self.of(request.url)
            wait_s = pace.wait_s(time.monotonic())
        if wait_s:
            sleep(wait_s)

    def _after_answer(self, parsed_response: ParsedAnswer | None, **_others: object) -> None:
        pace: Pace | None = getattr(self._of_thread, "pace", None)
        if pace is None or parsed_response is None:
            return
        with self._lock:
            note = pace.refused if parsed_response["ResponseMetadata"]["HTTPStatusCode"] == 503 else pace.served
            note(time.monotonic())
