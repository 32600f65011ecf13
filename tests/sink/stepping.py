"""Drivers that do one store operation at a time, so that a test can try every interleaving of several.

A step runs the driver's work again from the start: the operations it did in earlier steps get the answers they got
then, one more is done for real, and the next one pauses it. So no threads, and a driver's state is a list of answers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sink.memory_store import MemoryStore

from genre_batch.storage.store import StorageError, Store


class _Paused(BaseException):
    """Not an Exception: nothing in the code under test may catch it."""


@dataclass
class Driver:
    """`work` against a store; `result` once it is done."""

    work: Callable[[Any], Any]
    answers: list[tuple[Any, ...]] = field(default_factory=list)
    done: bool = False
    result: Any = None

    def step(self, store: Store) -> None:
        try:
            self.result = self.work(_Replay(store, self.answers))
            self.done = True
        except _Paused:
            pass

    def copy(self) -> "Driver":
        return Driver(self.work, list(self.answers), self.done, self.result)


class _Replay:
    """The operations of a store: first the recorded ones, then one real operation, then a pause."""

    def __init__(self, store: Store, answers: list[tuple[Any, ...]]) -> None:
        self._store, self._answers = store, answers
        self._position, self._fresh = 0, 1

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def operation(*args: Any, **options: Any) -> Any:
            call = (name, args, tuple(options.items()))
            if self._position == len(self._answers):
                if not self._fresh:
                    raise _Paused
                self._fresh -= 1
                self._answers.append((*call, *self._do(*call)))
            *recorded, answer, error = self._answers[self._position]
            assert tuple(recorded) == call, "the code under test is not deterministic"
            self._position += 1
            if error is not None:
                raise error
            return answer

        return operation

    def _do(self, name: str, args: Any, options: Any) -> tuple[Any, Exception | None]:
        try:
            answer = getattr(self._store, name)(*args, **dict(options))
        except StorageError as error:
            return None, error
        return (list(answer) if name == "list" else answer), None


def every_interleaving(
    store: MemoryStore, drivers: list[Driver]
) -> Iterator[tuple[MemoryStore, list[Driver], MemoryStore]]:
    """Each step that a driver can take in any interleaving: the state after it, and the store before it.

    What a driver does next depends only on the answers it got, so a state that was reached before, by other steps, is
    not gone on from again.
    """
    waiting = [(store, drivers)]
    known: set[tuple[Any, ...]] = set()
    while waiting:
        now, at = waiting.pop()
        for index, driver in enumerate(at):
            if not driver.done:
                after, moved = MemoryStore(now.objects), [other.copy() for other in at]
                moved[index].step(after)
                yield after, moved, now
                state = (*sorted(after.objects.items()), *(repr(other.answers) for other in moved))
                if state not in known:
                    known.add(state)
                    waiting.append((after, moved))
