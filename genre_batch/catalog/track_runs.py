"""Sorting more tracks than memory holds: sorted runs on disk, merged as they are read."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import count, islice
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from genre_batch.catalog.block_merge import merge
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, in_batches, one_by_one

_SORTED_AT_ONCE = 50_000
_MERGED_AT_ONCE = 160
_BY_ID = attrgetter("track_id")


class TrackRuns:
    """Runs of tracks in a temporary folder, which is gone after the `with` block.

    Memory holds 50,000 tracks while they are added, and 1,024 for each of at most 160 runs while they are merged.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="genre-batch-")
        self._names = count()
        self._runs: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def add_sorted(self, tracks: Iterable[Track]) -> None:
        """Add tracks that are sorted by track_id. May be called from several threads at once."""
        self.add_batches(in_batches(tracks))

    def add_batches(self, batches: Iterable[pa.RecordBatch]) -> None:
        """The same as `add_sorted`, of tracks as rows."""
        self._runs.append(self._write(batches))

    def add(self, tracks: Iterable[Track]) -> None:
        """Add tracks in any order."""
        rows = iter(tracks)
        while chunk := list(islice(rows, _SORTED_AT_ONCE)):
            self.add_sorted(sorted(chunk, key=_BY_ID))

    def merged(self) -> Iterator[Track]:
        """All tracks, sorted by track_id; those with the same one in the order they were added by one thread."""
        return one_by_one(self.merged_batches())

    def merged_batches(self) -> Iterator[pa.RecordBatch]:
        """The same as `merged`, as rows."""
        while len(self._runs) > _MERGED_AT_ONCE:
            groups = [self._runs[at : at + _MERGED_AT_ONCE] for at in range(0, len(self._runs), _MERGED_AT_ONCE)]
            self._runs = [self._merge_to_disk(group) for group in groups]
        yield from _merge(self._runs)

    def _merge_to_disk(self, runs: list[Path]) -> Path:
        merged = self._write(_merge(runs))
        for run in runs:
            run.unlink()
        return merged

    def _write(self, batches: Iterable[pa.RecordBatch]) -> Path:
        path = Path(self._folder.name) / f"{next(self._names)}.arrow"
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, SCHEMA, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return path


def _merge(runs: list[Path]) -> Iterator[pa.RecordBatch]:
    with ExitStack() as files:
        opened = [files.enter_context(pa.OSFile(str(run), "rb")) for run in runs]
        yield from merge([_read(file) for file in opened])


def _read(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    with pa.ipc.open_stream(file) as stream:
        yield from stream
