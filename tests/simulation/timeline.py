"""Virtual time: scheduled actions run in order of time, without sleeping."""

import heapq
from collections.abc import Callable


class Timeline:
    """A heap of scheduled actions. Actions at the same time run in the order in which they were scheduled."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._scheduled = 0

    def at(self, time_s: float, act: Callable[..., None], *arguments: object) -> None:
        """Schedule `act(*arguments)` for `time_s`, which must not be in the past."""
        self._scheduled += 1
        heapq.heappush(self._heap, (time_s, self._scheduled, act, arguments))

    def after(self, delay_s: float, act: Callable[..., None], *arguments: object) -> None:
        """Schedule `act(*arguments)` for `delay_s` seconds from now."""
        self.at(self.now_s + delay_s, act, *arguments)

    def step(self) -> bool:
        """Run the next action; False if there is none."""
        if not self._heap:
            return False
        self.now_s, _, act, arguments = heapq.heappop(self._heap)
        act(*arguments)
        return True

    def clear(self) -> None:
        """Cancel all scheduled actions."""
        self._heap.clear()
