"""External merge sort of tracks by track_id: sorted runs on disk, merged block by block.

Python compares only the first and last ids of blocks; Arrow sorts the rows.
"""

import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count, islice
from operator import attrgetter
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, in_batches, one_by_one

_COLUMN = "track_id"


def merge(runs: Sequence[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """The rows of all runs sorted by track_id, as each run is; rows with equal ids keep the order of the runs.

    Memory holds one batch per run, and all rows that are equal to the last row of one.
    """
    waiting = [each for each in map(SortedRun, runs) if not each.ended]
    while waiting:
        bound = min(run.last for run in waiting)
        parts = [part for run in waiting for part in run.take(bound)]
        yield parts[0] if len(parts) == 1 else _sorted(parts)
        waiting = [run for run in waiting if not run.ended]


class SortedRun:
    """Batches sorted by track_id, consumed piece by piece."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._next()

    @property
    def ended(self) -> bool:
        """Whether all rows have been taken."""
        return self._batch is None

    def take(self, bound: str) -> Iterator[pa.RecordBatch]:
        """Take the rows up to and including `bound`."""
        while self._batch is not None and self._first <= bound:
            if self.last <= bound:
                yield self._batch
                self._next()
            else:
                stop = self._place(bisect_right, bound)
                yield self._batch.slice(0, stop)
                self._look_at(self._batch.slice(stop))

    def take_before(self, bound: str) -> Iterator[pa.RecordBatch]:
        """Take the rows before `bound`."""
        while self._batch is not None and self._first < bound:
            if self.last < bound:
                yield self._batch
                self._next()
            else:
                stop = self._place(bisect_left, bound)
                yield self._batch.slice(0, stop)
                self._look_at(self._batch.slice(stop))

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Take all rows that are left."""
        while self._batch is not None:
            yield self._batch
            self._next()

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
    # documented as stable, which keeps equal ids in the order of the runs
    rows = pa.Table.from_batches(parts).combine_chunks()
    batch: pa.RecordBatch = rows.take(pc.sort_indices(rows[_COLUMN])).combine_chunks().to_batches()[0]
    return batch


_SORTED_AT_ONCE = 50_000
_MERGED_AT_ONCE = 160
_BY_ID = attrgetter("track_id")


class TrackRuns:
    """Sorted runs of tracks in a temporary folder, which is deleted at the end of the `with` block.

    Memory holds 50,000 tracks while they are added, and 1,024 for each of at most 160 runs while they are merged.
    `add_batches` and `merged_batches` take and return rows of another `schema` as well, if it has a track_id.
    """

    def __init__(self, schema: pa.Schema = SCHEMA) -> None:
        self._schema = schema
        self._folder = tempfile.TemporaryDirectory(prefix="genre-batch-")
        self._names = count()
        self._runs: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def add_sorted(self, tracks: Iterable[Track]) -> None:
        """Add tracks that are sorted by track_id. Several threads may call this at the same time."""
        self.add_batches(in_batches(tracks))

    def add_batches(self, batches: Iterable[pa.RecordBatch]) -> None:
        """The same as `add_sorted` for tracks as rows."""
        self._runs.append(self._write(batches))

    def new_path(self) -> Path:
        """Where another process may write a run, for `add_file`."""
        return Path(self._folder.name) / f"{next(self._names)}.arrow"

    def add_file(self, path: Path) -> None:
        """Add the run that `write_run` wrote there."""
        self._runs.append(path)

    def add(self, tracks: Iterable[Track]) -> None:
        """Add tracks in any order."""
        rows = iter(tracks)
        while chunk := list(islice(rows, _SORTED_AT_ONCE)):
            self.add_sorted(sorted(chunk, key=_BY_ID))

    def merged(self) -> Iterator[Track]:
        """All tracks, sorted by track_id. Tracks with the same id keep the order in which one thread added them."""
        return one_by_one(self.merged_batches())

    def merged_batches(self) -> Iterator[pa.RecordBatch]:
        """The same tracks as rows."""
        self._merge_down_to(_MERGED_AT_ONCE)
        yield from _merge(self._runs)

    def merged_with_closed_files(self) -> Iterator[pa.RecordBatch]:
        """The same, from one file that is open only while a batch is read: there may be hundreds of them."""
        self._merge_down_to(1)
        for path in self._runs:
            yield from _read_reopened(path, self._schema)

    def _merge_down_to(self, most: int) -> None:
        while len(self._runs) > most:
            groups = [self._runs[at : at + _MERGED_AT_ONCE] for at in range(0, len(self._runs), _MERGED_AT_ONCE)]
            self._runs = [self._merge_to_disk(group) for group in groups]

    def _merge_to_disk(self, runs: list[Path]) -> Path:
        merged = self._write(_merge(runs))
        for run in runs:
            run.unlink()
        return merged

    def _write(self, batches: Iterable[pa.RecordBatch]) -> Path:
        path = self.new_path()
        write_run(path, batches, self._schema)
        return path


def write_run(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema = SCHEMA) -> None:
    """Write rows that are sorted by track_id as a file for `TrackRuns.add_file`."""
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _merge(runs: list[Path]) -> Iterator[pa.RecordBatch]:
    with ExitStack() as files:
        opened = [files.enter_context(pa.OSFile(str(run), "rb")) for run in runs]
        yield from merge([_read_run(file) for file in opened])


def _read_reopened(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    place = 0
    while True:
        with pa.OSFile(str(path), "rb") as file:
            file.seek(place)
            try:
                message = pa.ipc.read_message(file)
            except EOFError:
                return
            place = file.tell()
        if message.type == "record batch":
            yield pa.ipc.read_record_batch(message, schema)


def _read_run(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    with pa.ipc.open_stream(file) as stream:
        yield from stream
