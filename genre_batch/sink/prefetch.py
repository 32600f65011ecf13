"""Read ahead: hide the latency of a store without holding more than a few results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


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
