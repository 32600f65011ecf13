"""When the driver collects garbage: seldom, because Python looks at every track in memory each time."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EVERY_S = 60.0


class Garbage:
    """Collects once a minute. The loop makes no cycles; what Ray's errors leave behind may wait."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + _EVERY_S

    def look(self) -> None:
        """Collect if it is time to."""
        if time.monotonic() >= self._next_s:
            gc.collect()
            self._next_s = time.monotonic() + _EVERY_S


@contextmanager
def seldom_collected() -> Iterator[Garbage]:
    """Python does not collect by itself while the block runs."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield Garbage()
    finally:
        if was_on:
            gc.enable()
