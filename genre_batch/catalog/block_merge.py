"""Sorted runs merged by blocks: Python looks at the ends of a block, Arrow at each row."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_COLUMN = "track_id"


def merge(runs: Sequence[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """The rows of all runs, each sorted by track_id, in that order; equal ones in the order of the runs.

    At a time it holds a batch of each run, and the rows that are equal to the last of one.
    """
    waiting = [each for each in map(SortedRun, runs) if not each.ended]
    while waiting:
        bound = min(run.last for run in waiting)
        parts = [part for run in waiting for part in run.take(bound)]
        yield parts[0] if len(parts) == 1 else _sorted(parts)
        waiting = [run for run in waiting if not run.ended]


class SortedRun:
    """Batches sorted by track_id that are taken from piece by piece."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._next()

    @property
    def ended(self) -> bool:
        """Whether all rows were taken."""
        return self._batch is None

    def take(self, bound: str) -> Iterator[pa.RecordBatch]:
        """Take the rows up to `bound`, itself included."""
        while self._batch is not None and self._first <= bound:
            if self.last <= bound:
                yield self._batch
                self._next()
            else:
                stop = self._place(bisect_right, bound)
                yield self._batch.slice(0, stop)
                self._look_at(self._batch.slice(stop))

    def skip(self, bound: str) -> None:
        """Pass over the rows before `bound`."""
        while self._batch is not None and self.last < bound:
            self._next()
        if self._batch is not None and self._first < bound:
            self._look_at(self._batch.slice(self._place(bisect_left, bound)))

    def _place(self, bisect: Callable[..., int], bound: str) -> int:
        assert self._batch is not None
        ids = self._batch[_COLUMN]
        return bisect(range(len(ids)), bound, key=lambda row: ids[row].as_py())

    def _next(self) -> None:
        self._look_at(next((batch for batch in self._batches if batch.num_rows), None))

    def _look_at(self, batch: pa.RecordBatch | None) -> None:
        self._batch = batch
        self._first: str = "" if batch is None else batch[_COLUMN][0].as_py()
        self.last: str = "" if batch is None else batch[_COLUMN][-1].as_py()


def _sorted(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    # documented as a stable sort
    rows = pa.Table.from_batches(parts).combine_chunks()
    batch: pa.RecordBatch = rows.take(pc.sort_indices(rows[_COLUMN])).combine_chunks().to_batches()[0]
    return batch
