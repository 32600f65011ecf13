"""Start Ray on this machine without the services that only people and autoscalers use.

Whatever its arguments say, `ray.init` starts a server for the dashboard, a log monitor and an autoscaler, and waits for
the first. The job uses none of them, and they take half of Ray's start on two cores. Ray has no setting that leaves
them out, so this module replaces the functions that start them; a Ray without these functions starts with everything.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

_SERVICES = ("start_monitor", "start_log_monitor", "start_api_server")


@contextmanager
def without_unused_services(*, metrics: bool = False) -> Iterator[None]:
    """While this lasts, a Ray that this process starts has no dashboard, log monitor and autoscaler.

    metrics: it serves metrics all the same.
    """
    from ray._private import utils
    from ray._private.node import Node

    known = all(callable(getattr(Node, name, None)) for name in _SERVICES)
    with ExitStack() as stack:
        if known and hasattr(utils, "get_dashboard_dependency_error"):
            for name in _SERVICES:
                stack.enter_context(patch.object(Node, name, _start_nothing))
            if not metrics:
                # the agent of a machine, which Ray needs, then serves neither web pages nor metrics
                stack.enter_context(patch.object(utils, "get_dashboard_dependency_error", _no_dashboard))
        yield


def _start_nothing(node: Any, **_: object) -> None:  # Ray's own class, whose attributes have no types
    node._webui_url = ""  # noqa: SLF001 (Ray passes it on to its workers)


def _no_dashboard() -> ImportError:
    return ImportError("the dashboard is not wanted")
