"""The actors of one stage and the calls each holds; the idlest is found without a scan over all of them."""

from collections import deque


class ActorPool:
    """Actors by the number of calls they hold, at most `calls_per_actor` each."""

    def __init__(self, calls_per_actor: int) -> None:
        self._calls: dict[int, deque[int]] = {}
        self._by_load: list[dict[int, None]] = [{} for _ in range(calls_per_actor + 1)]

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, actor: int) -> bool:
        return actor in self._calls

    def add(self, actor: int) -> None:
        """Add a new actor without calls."""
        self._calls[actor] = deque()
        self._by_load[0][actor] = None

    def remove(self, actor: int) -> list[int]:
        """Remove an actor; the calls it held, oldest first."""
        calls = self._calls.pop(actor)
        del self._by_load[len(calls)][actor]
        return list(calls)

    def idlest(self) -> int | None:
        """The actor with the fewest calls that has waited longest; None if all have the maximum number of calls."""
        for load in self._by_load[:-1]:
            if load:
                return next(iter(load))
        return None

    def assign(self, actor: int, call: int) -> None:
        """Note that `actor`, which must have fewer calls than the limit, now holds `call`."""
        calls = self._calls[actor]
        del self._by_load[len(calls)][actor]
        calls.append(call)
        self._by_load[len(calls)][actor] = None

    def release(self, actor: int, call: int) -> None:
        """Record that `actor` has returned `call`."""
        calls = self._calls[actor]
        del self._by_load[len(calls)][actor]
        calls.remove(call)
        self._by_load[len(calls)][actor] = None
