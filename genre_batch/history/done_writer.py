"""Extends the done-index by the runs that have finished since: a few segments of growing size, merged now and then."""

import hashlib
import io
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_batch.catalog.reject import TRANSIENT, RejectReason, printable
from genre_batch.catalog.sorted_runs import merge
from genre_batch.errors import DamageFound
from genre_batch.history.done_index import (
    UNUSABLE,
    CoveredRun,
    DoneIndex,
    IndexSegment,
    IndexSegmentFile,
    key_of_model,
    read_done_index,
    segment_faults,
)
from genre_batch.history.done_reader import IndexedOutcomes
from genre_batch.history.past_outcomes import merged_outcomes
from genre_batch.notices import warn
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest, make_manifest
from genre_batch.sink.json_records import parse, swap_pointer
from genre_batch.sink.plan import RunPlan, run_ids
from genre_batch.sink.sink import open_sink
from genre_batch.sink.tables import PLACED
from genre_batch.storage.open_store import absolute
from genre_batch.storage.store import ObjectGone, StorageError, Store

_READERS = 16
_LEAST_ROWS = 100_000
_LEAST_RUNS = 16
"""Below both, reading the runs is cheaper than keeping an index."""
_GROWTH = 4
_FILE_ROWS = 131_072
_TRANSIENT = pa.array(sorted(TRANSIENT), pa.string())
_KIND = ["track_id", "etag", "source", "kind"]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A run with its manifest. sha256: of the bytes of the manifest."""

    manifest: RunManifest
    sha256: str

    @property
    def plan(self) -> RunPlan:
        return self.manifest.plan


def extend_done_index(store: Store, output: str) -> int:
    """Index the finished runs that are missing, unless they are too few. Returns how many outcomes were written.

    Safe to repeat, to kill, and to do in several processes at once: all but one of them give up. If a run is damaged,
    the index of its model stays as it is, with a warning; so do all if the store fails, since planning works without.
    """
    try:
        return _extend(store, output)
    except StorageError as error:
        warn(f"the done-index is left as it is: {printable(str(error))}")
        return 0


def _extend(store: Store, output: str) -> int:
    with ThreadPoolExecutor(_READERS) as executor:
        models: dict[str, dict[str, _Finished]] = {}
        ids = list(run_ids(store, output))
        for run_id, run in zip(ids, executor.map(lambda each: _finished(store, output, each), ids), strict=True):
            if run is not None:
                models.setdefault(key_of_model(run.plan.model_id, run.plan.fingerprint), {})[run_id] = run
        return sum(_Extension(store, output, key, runs, executor).write() for key, runs in models.items())


def _finished(store: Store, output: str, run_id: str) -> _Finished | None:
    """The run, if it has finished; None also if its manifest cannot be read: planning reads its files then."""
    path = layout.manifest_path(run_id)
    try:
        data = store.read(layout.at(output, path))
        return _Finished(parse(data, RunManifest, path, output), hashlib.sha256(data).hexdigest())
    except (ObjectGone, *UNUSABLE):
        return None


@dataclass(frozen=True, slots=True)
class _Extension:
    """The next version of the index of one model, whose finished runs are `runs`."""

    store: Store
    output: str
    key: str
    runs: Mapping[str, _Finished]
    executor: Executor

    def write(self) -> int:
        """Write what is new and move the pointer. Returns the number of outcomes in new files."""
        before, etag = self._before()
        plans = {run_id: run.plan for run_id, run in self.runs.items()}
        faults = segment_faults(self.store, self.output, before, plans, self.executor)
        kept = sorted((each for each, fault in zip(before, faults, strict=True) if not fault), key=lambda s: -s.rows)
        covered = {run_id for segment in kept for run_id in segment.run_ids}
        new = [run for run_id, run in self.runs.items() if run_id not in covered]
        rows = sum(run.plan.tracks for run in new)
        few = not new or (rows < _LEAST_ROWS and len(new) < _LEAST_RUNS)
        if few and len(kept) == len(before):
            return 0
        merged: list[IndexSegment] = []
        while kept and kept[-1].rows <= _GROWTH * rows:
            merged.append(kept.pop())
            rows += merged[-1].rows
        try:
            added = [self._segment(new, merged)] if new else []
            return self._replace(kept, added, etag)
        except DamageFound as damage:
            warn(f"the done-index is left as it is: {printable(str(damage))}")
            return 0

    def _before(self) -> tuple[Sequence[IndexSegment], str | None]:
        """The segments so far and the etag of the pointer; none of one that is damaged, which is replaced."""
        try:
            found = read_done_index(self.store, self.output, self.key)
        except DamageFound:
            return (), self.store.head(layout.at(self.output, layout.done_index_path(self.key))).etag
        return (found[0].segments, found[1]) if found else ((), None)

    def _replace(self, kept: Sequence[IndexSegment], added: Sequence[IndexSegment], etag: str | None) -> int:
        """Move the pointer to these segments; if another writer was first, remove the files of those that are new."""
        plan = next(iter(self.runs.values())).plan
        index = DoneIndex.of(plan.model_id, plan.fingerprint, [*kept, *added])
        if swap_pointer(self.store, layout.at(self.output, layout.done_index_path(self.key)), index, etag):
            return sum(segment.rows for segment in added)
        self._discard(file for segment in added for file in segment.files)
        return 0

    def _discard(self, files: Iterable[IndexSegmentFile]) -> None:
        """Remove files that nothing names; `gc` does it where this process may not."""
        for file in files:
            with suppress(StorageError):
                self.store.delete(layout.at(self.output, layout.done_file_path(self.key, file.name)))

    def _segment(self, new: Sequence[_Finished], merged: Sequence[IndexSegment]) -> IndexSegment:
        """One segment of these runs and those of `merged`. Raises DamageFound if a new run is not whole."""
        for run in new:
            _check_markers(self.store, self.output, run)
        inside = sorted({*(run.plan.run_id for run in new), *(run_id for each in merged for run_id in each.run_ids)})
        numbers = {run_id: number for number, run_id in enumerate(inside)}

        def read_runs(ids: Iterable[str]) -> Iterator[pa.RecordBatch]:
            plans = {numbers[run_id]: self.runs[run_id].plan for run_id in ids}
            return merged_outcomes(self.store, self.output, plans, self.executor, checked=True)

        parts = (self.store, self.output, self.key)
        streams: list[Iterator[pa.RecordBatch]] = [
            IndexedOutcomes(*parts, segment, numbers, read_runs, self.executor) for segment in merged
        ]
        streams.append(read_runs(run.plan.run_id for run in new))
        sources = _numbers_of_sources(self.runs[run_id].plan for run_id in inside)
        rows = (newest_of_each_kind(batch, sources) for batch in merge(streams))
        files: list[IndexSegmentFile] = []
        try:
            files.extend(self._files(rows))
        except (DamageFound, StorageError):
            self._discard(files)
            raise
        runs = (CoveredRun(run_id=run_id, manifest_sha256=self.runs[run_id].sha256) for run_id in inside)
        return IndexSegment(runs=tuple(runs), files=tuple(files))

    def _files(self, batches: Iterable[pa.RecordBatch]) -> Iterator[IndexSegmentFile]:
        """Write the rows; all those of a track are in one batch, and so in one file."""
        token = secrets.token_hex(8)
        for number, rows in enumerate(_in_tables(batches)):
            name, data = f"{token}-{number:05d}.parquet", _segment_bytes(rows)
            if not self.store.create(layout.at(self.output, layout.done_file_path(self.key, name)), data):
                raise DamageFound(f"{name} exists already")
            yield IndexSegmentFile(
                name=name,
                rows=rows.num_rows,
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                first=rows["track_id"][0].as_py(),
                last=rows["track_id"][-1].as_py(),
            )


def _check_markers(store: Store, output: str, run: _Finished) -> None:
    """Raise DamageFound if the markers of the run are not those that its manifest was made from."""
    try:
        same = make_manifest(run.plan, open_sink(store, output, run.plan).records()).files == run.manifest.files
    except (ObjectGone, ValueError):
        same = False
    if not same:
        raise DamageFound(f"{layout.manifest_path(run.plan.run_id)} is not the sum of the committed shards")


def newest_of_each_kind(batch: pa.RecordBatch, sources: pa.Array) -> pa.RecordBatch:
    """The outcomes that planning can tell from the whole history, sorted by track_id and run.

    Of each version of a track, for each source, the newest answer and the newest reject of each kind. sources: a number
    for what each run listed, because tracks that are gone are looked for by source.
    """
    ids = batch["track_id"]
    if not pc.any(pc.equal(ids[1:], ids[:-1])).as_py():
        return batch
    rows = pa.Table.from_batches([batch]).sort_by([("track_id", "ascending"), ("run", "ascending")])
    reason = rows["reason"]
    rejects = pc.if_else(pc.is_in(reason, value_set=_TRANSIENT), 1, 2)
    rejects = pc.if_else(pc.equal(reason, RejectReason.DONE_ELSEWHERE), 3, rejects)
    kinds = rows.append_column("source", sources.take(rows["run"].combine_chunks()))
    kinds = kinds.append_column("kind", pc.if_else(pc.is_null(reason), 0, rejects))
    kinds = kinds.append_column("place", pa.array(np.arange(rows.num_rows)))
    newest = kinds.group_by(_KIND, use_threads=False).aggregate([("place", "max")])["place_max"]
    found: pa.RecordBatch = rows.take(newest.sort()).combine_chunks().to_batches()[0]
    return found


def _numbers_of_sources(plans: Iterable[RunPlan]) -> pa.Array:
    """A number for each plan, the same for runs over the same source with the same patterns."""
    sources = [(absolute(plan.source.rstrip("/")), plan.include, plan.exclude) for plan in plans]
    known = {source: number for number, source in enumerate(dict.fromkeys(sources))}
    return pa.array([known[source] for source in sources], pa.int32())


def _in_tables(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= _FILE_ROWS:
            yield pa.Table.from_batches(waiting, PLACED)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, PLACED)


def _segment_bytes(rows: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(
        rows.combine_chunks(),
        file,
        compression="zstd",
        write_page_checksum=True,
        use_dictionary=["reason", "run"],
        column_encoding={"track_id": "DELTA_BYTE_ARRAY"},
    )
    return file.getvalue()
