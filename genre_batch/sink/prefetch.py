"""Read ahead: hide the latency of a store without holding more than a few results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

_ROWS_AT_ONCE = 1_000_000

Item = TypeVar("Item")
Result = TypeVar("Result")


def shards_at_once(most: int, shard_tracks: int, runs: int = 1) -> int:
    """How many shards of each of `runs` runs to have in hand: at most `most`, so few that memory holds their rows."""
    return max(1, min(most, _ROWS_AT_ONCE // (runs * shard_tracks)))


def prefetched(
    function: Callable[[Item], Result], items: Iterable[Item], executor: Executor, ahead: int
) -> Iterator[Result]:
    """`function` of each item, in order, with at most `ahead` calls running or waiting to be taken."""
    source = iter(items)
    pending: deque[Future[Result]] = deque(executor.submit(function, item) for item in islice(source, ahead))
    try:
        while pending:
            result = pending.popleft().result()
            pending.extend(executor.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        for future in pending:
            future.cancel()
