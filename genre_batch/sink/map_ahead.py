"""Calls that run ahead of their consumer: they hide the latency of a store and hold only a few results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

_MAX_ROWS = 1_000_000

Item = TypeVar("Item")
Result = TypeVar("Result")


def shards_ahead(most: int, shard_tracks: int, runs: int = 1) -> int:
    """How many shards of each of `runs` runs to read ahead: at most `most`, and fewer if memory would not hold them."""
    return max(1, min(most, _MAX_ROWS // (runs * shard_tracks)))


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], executor: Executor, ahead: int
) -> Iterator[Result]:
    """`function` of each item, in order, with at most `ahead` calls that are running or wait to be consumed.

    Items are taken from `items` in the thread that iterates.
    """
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
