"""Virtual time: what is to happen, in order of time; nothing sleeps."""

import heapq
from collections.abc import Callable


class Timeline:
    """A heap of things to do. Those of one moment happen in the order they were asked for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._asked = 0

    def at(self, time_s: float, act: Callable[..., None], *arguments: object) -> None:
        """Have `act(*arguments)` happen at `time_s`, which must not be past."""
        self._asked += 1
        heapq.heappush(self._heap, (time_s, self._asked, act, arguments))

    def after(self, delay_s: float, act: Callable[..., None], *arguments: object) -> None:
        """Have `act(*arguments)` happen `delay_s` seconds from now."""
        self.at(self.now_s + delay_s, act, *arguments)

    def step(self) -> bool:
        """Let the next thing happen; False if there is none."""
        if not self._heap:
            return False
        self.now_s, _, act, arguments = heapq.heappop(self._heap)
        act(*arguments)
        return True

    def clear(self) -> None:
        """Forget what was to happen."""
        self._heap.clear()
