"""`max_core_hours` and `max_cost`: what one start of a run may use before it starts no new work."""

from collections.abc import Callable

from genre_batch.engine.telemetry import NOTHING_HELD, Held


class Budget:
    """The limits of one start of a run; None: no limit. cost: what has been used in money.

    reached: the limit that is used up, such as "max_core_hours=200"; "" while there is something left.
    """

    def __init__(self, max_core_hours: float | None, max_cost: float | None, cost: Callable[[Held], float]) -> None:
        self._max_core_hours = max_core_hours
        self._max_cost = max_cost
        self._cost = cost
        self._held, self._before = NOTHING_HELD, NOTHING_HELD
        self.reached = ""

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return self._max_core_hours is not None or self._max_cost is not None

    def is_used(self, held: Held) -> bool:
        """Whether a limit is used up by what the run has held so far; it stays used up."""
        self._held = held = self._before.plus(held)
        if not self.reached and self._max_core_hours is not None and held.core_hours >= self._max_core_hours:
            self.reached = f"max_core_hours={self._max_core_hours:g}"
        if not self.reached and self._max_cost is not None and self._cost(held) >= self._max_cost:
            self.reached = f"max_cost={self._max_cost:g}"
        return bool(self.reached)

    def next_pass(self) -> None:
        """Count from now on what another pass of the same start holds, on top of the passes before it."""
        self._before = self._held
