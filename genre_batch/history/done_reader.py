"""Reads a segment of the done-index, file by file; what cannot be read is taken from the runs themselves."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import printable
from genre_batch.errors import DamageFound
from genre_batch.history.done_index import UNUSABLE, IndexSegment, IndexSegmentFile
from genre_batch.notices import say
from genre_batch.sink import layout
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.tables import PLACED
from genre_batch.storage.store import ObjectGone, Store

_ROWS_AT_ONCE = 16_384
_AHEAD = 3

ReadRuns = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def read_segment_file(store: Store, output: str, key: str, file: IndexSegmentFile) -> pa.Table:
    """The rows of one file. Raises DamageFound if they are not those that were written."""
    path = layout.done_file_path(key, file.name)
    try:
        data = store.read(layout.at(output, path))
    except ObjectGone as gone:
        raise DamageFound(f"{path} is missing") from gone
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DamageFound(f"{path} is not as it was written")
    rows = read_columns(data, PLACED.names, path, output)
    return rows.cast(PLACED)


class IndexedOutcomes(Iterator[pa.RecordBatch]):
    """The outcomes of the runs of one segment, sorted by track_id, in batches with the columns of `PLACED`.

    key: of its model. numbers: of all runs by id, for the column `run`. read_runs: the same outcomes from the files of
    these runs, where a file of the segment is missing or damaged, which is said on stderr.
    """

    def __init__(
        self,
        store: Store,
        output: str,
        key: str,
        segment: IndexSegment,
        numbers: Mapping[str, int],
        read_runs: ReadRuns,
        executor: Executor,
    ) -> None:
        self.numbers = tuple(numbers[run_id] for run_id in segment.run_ids)
        self._store, self._output, self._key = store, output, key
        self._segment, self._read_runs, self._executor = segment, read_runs, executor
        self._left = deque(segment.files)
        self._pending: deque[tuple[IndexSegmentFile, Future[pa.Table]]] = deque()
        self._done = ""
        self._batches: Iterator[pa.RecordBatch] = iter(())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        while (batch := next(self._batches, None)) is None:
            self._batches = self._next_file()
        return batch

    def seek(self, first: str) -> None:
        """Leave out files that end before `first`: they are not read."""
        while self._pending and self._pending[0][0].last < first:
            file, future = self._pending.popleft()
            future.cancel()
            self._done = file.last
        while not self._pending and self._left and self._left[0].last < first:
            self._done = self._left.popleft().last

    def _next_file(self) -> Iterator[pa.RecordBatch]:
        """The rows of the next file. Raises StopIteration after the last one."""
        while self._left and len(self._pending) < _AHEAD:
            file = self._left.popleft()
            future = self._executor.submit(read_segment_file, self._store, self._output, self._key, file)
            self._pending.append((file, future))
        if not self._pending:
            raise StopIteration
        file, future = self._pending.popleft()
        try:
            rows = future.result()
        except UNUSABLE as fault:
            say(f"the done-index cannot be used: {printable(str(fault))}; from there on, its runs are read instead")
            self._left.clear()
            self._pending.clear()
            return self._from_runs(self._done)
        self._done = file.last
        return self._numbered(rows)

    def _numbered(self, rows: pa.Table) -> Iterator[pa.RecordBatch]:
        numbers = pa.array(self.numbers, pa.int32()).take(rows["run"].combine_chunks())
        yield from rows.set_column(3, "run", numbers).to_batches(max_chunksize=_ROWS_AT_ONCE)

    def _from_runs(self, after: str) -> Iterator[pa.RecordBatch]:
        """The outcomes after this track_id; "": all of them."""
        for batch in self._read_runs(self._segment.run_ids):
            # the first track of a catalog may have an empty name
            left = batch.filter(pc.greater(batch["track_id"], after)) if after else batch
            if left.num_rows:
                yield left
