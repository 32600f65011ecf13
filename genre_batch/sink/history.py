"""The outcomes that exist already, so that they are not computed again, streamed: memory does not grow with the table.

Only key columns and reasons are read; every schema version has them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.catalog.sorted_runs import SortedRun, TrackRuns
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.map_ahead import map_ahead, shards_ahead
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.sink import open_sink
from genre_batch.sink.tables import version_keys
from genre_batch.sink.unlisted import Unlisted
from genre_batch.storage.store import ObjectGone, Store

_KEY = ["track_id", "etag"]
_OUTCOME = pa.schema([(name, pa.string()) for name in (*_KEY, "reason")])
_READERS = 16
_ROWS_AT_ONCE = 4096
_COMPARED_ROWS = 65_536
_TRANSIENT = pa.array(sorted(TRANSIENT), pa.string())
_ELSEWHERE = pa.array([RejectReason.DONE_ELSEWHERE], pa.string())


def retryable_reasons(retry: Collection[RejectReason]) -> frozenset[str]:
    """The reasons of rejects that are tried again: the transient ones, and those of `retry`."""
    return frozenset(reason.value for reason in TRANSIENT.union(retry))


@contextmanager
def done_runs(
    store: Store, output: str, model_id: str, fingerprint: str
) -> Iterator[dict[int, Iterator[pa.RecordBatch]]]:
    """The outcomes of each run of this model, by number, oldest run first: sorted by track_id, streamed in batches.

    The columns are track_id, etag and the reason of a reject, null for an answer. They come from all committed shards,
    also of unfinished runs. Raises DamageFound if a committed file is missing or cannot be read as Parquet, or if a
    plan is missing or cannot be parsed, and what the store raises.
    """
    with outcomes_of(store, output, list(past_runs(store, output, model_id, fingerprint))) as runs:
        yield runs


@contextmanager
def outcomes_of(store: Store, output: str, plans: Sequence[RunPlan]) -> Iterator[dict[int, Iterator[pa.RecordBatch]]]:
    """The same for these runs, in their order."""
    with ThreadPoolExecutor(_READERS) as executor:
        runs = len(plans)
        ahead = [shards_ahead(1 + _READERS // runs, plan.shard_tracks, runs) for plan in plans]
        batches = (_run_batches(store, output, *each, executor) for each in zip(plans, ahead, strict=True))
        yield dict(enumerate(batches))


def past_runs(store: Store, output: str, model_id: str, fingerprint: str) -> Iterator[RunPlan]:
    """The runs of this model, oldest first. Raises DamageFound if a plan is missing or cannot be parsed."""
    for run_id in run_ids(store, output):
        try:
            plan = read_plan(store, output, run_id)
        except ObjectGone:
            _check_uncommitted(store, output, run_id)
            continue
        if (plan.model_id, plan.fingerprint) == (model_id, fingerprint):
            yield plan


def _check_uncommitted(store: Store, output: str, run_id: str) -> None:
    """A run that is being planned has no plan yet. One with committed shards has lost it, and they would be missed."""
    if next(iter(store.list(layout.at(output, layout.commits_folder(run_id)))), None) is not None:
        raise DamageFound(
            f"{layout.plan_path(run_id)} is missing, and the run has committed shards", repair_hint(output)
        )


def _run_batches(store: Store, output: str, plan: RunPlan, ahead: int, executor: Executor) -> Iterator[pa.RecordBatch]:
    """The outcomes of one run, sorted: its shards are ranges of a sorted listing, or have to be sorted together."""
    sink = open_sink(store, output, plan)

    def outcomes(shard_index: int) -> pa.Table:
        return shard_outcomes(store, output, sink.record(shard_index))

    tables = map_ahead(outcomes, sorted(sink.shards()), executor, ahead)
    yield from by_track_id(plan, (table.to_batches(max_chunksize=_ROWS_AT_ONCE) for table in tables))


def by_track_id(
    plan: RunPlan, shards: Iterable[Iterable[pa.RecordBatch]], schema: pa.Schema = _OUTCOME
) -> Iterator[pa.RecordBatch]:
    """The outcomes of all `shards` of a run, each of which is sorted by track_id, sorted together.

    For a run in another order than that of track_ids, they are sorted in temporary files, with the columns of `schema`.
    """
    if plan.order == "track_id" or plan.shards == 1:
        yield from chain.from_iterable(shards)
        return
    with TrackRuns(schema) as runs:
        for batches in shards:
            runs.add_batches(batch.cast(schema) for batch in batches)
        yield from runs.merged_with_closed_files()


def shard_outcomes(store: Store, output: str, record: CommitRecord) -> pa.Table:
    """Outcomes of one shard, sorted, as a table of track_id, etag and reason, null for an answer.

    Raises DamageFound if a file is missing or cannot be read as Parquet, and what the store raises.
    """

    def read(path: str, columns: list[str]) -> pa.Table:
        try:
            data = store.read(layout.at(output, path))
        except ObjectGone as gone:
            raise DamageFound(f"{path} is missing, and its shard is committed", repair_hint(output)) from gone
        return read_columns(data, columns, path, output)

    answers_path, *reject_paths = (file.path for file in record.files)
    answers = read(answers_path, _KEY)
    answers = answers.append_column("reason", pa.nulls(answers.num_rows, pa.string()))
    rejects = [read(path, [*_KEY, "reason"]) for path in reject_paths]
    if not rejects:
        return answers
    return pa.concat_tables([answers, *rejects], promote_options="default").sort_by("track_id")


def new_rows(
    tracks: Iterable[pa.RecordBatch],
    runs: Mapping[int, Iterator[pa.RecordBatch]],
    again: Collection[str],
    unlisted: Unlisted | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of `tracks` that have no outcome, or only a reject for a reason in `again`.

    A track_id and etag with an answer in any of `runs` is done, unless a newer run has an outcome for another etag;
    otherwise the reason of its newest reject decides. `runs` are those of `done_runs`, oldest first. All are sorted by
    track_id. unlisted: gets the tracks of the runs that are not among `tracks`. Raises ValueError
    if the tracks are not sorted: their outcomes would be missed silently.
    """
    sorted_runs = {number: SortedRun(run) for number, run in runs.items()}
    missing = unlisted or Unlisted(())
    last = ""
    for batch in tracks:
        if not batch.num_rows:
            continue
        ids = batch["track_id"]
        _check_order(last, ids)
        first, last = ids[0].as_py(), ids[-1].as_py()
        sorted_runs = {number: run for number, run in sorted_runs.items() if not run.ended}
        for number, run in sorted_runs.items():
            for piece in run.take_before(first):
                missing.add(number, *_by_outcome(piece))
        left = not_done(batch, _gathered(_taken(sorted_runs, last, ids, missing)), again)
        if left.num_rows:
            yield left
    for number, run in sorted_runs.items():
        for piece in run.rest():
            missing.add(number, *_by_outcome(piece))


def _taken(runs: Mapping[int, SortedRun], last: str, ids: pa.Array, missing: Unlisted) -> Iterator[pa.RecordBatch]:
    """The rows of all runs up to `last`; those that are not of the tracks `ids` are noted as missing."""
    for number, run in runs.items():
        for piece in run.take(last):
            listed = pc.is_in(piece["track_id"], value_set=ids)
            missing.add(number, *_by_outcome(piece.filter(pc.invert(listed))))
            yield piece


def _by_outcome(piece: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """The track_ids of answers, and of rejects."""
    is_answer = pc.is_null(piece["reason"])
    return piece["track_id"].filter(is_answer), piece["track_id"].filter(pc.invert(is_answer))


def not_done(batch: pa.RecordBatch, outcomes: Iterable[pa.Table], again: Collection[str]) -> pa.RecordBatch:
    """The rows of `batch`, one per track, that are not done by `outcomes`, which are ordered by run.

    Those whose newest outcome is that they were left for later are marked as deferred.
    """
    ids, keys = batch["track_id"], version_keys(batch)
    answered, rejected, other = (np.full(batch.num_rows, -1, np.int64) for _ in range(3))
    is_final, is_deferred, seen = np.zeros(batch.num_rows, np.bool_), np.zeros(batch.num_rows, np.bool_), 0
    for outcome in outcomes:
        known = outcome.filter(pc.is_in(outcome["track_id"], value_set=ids)).combine_chunks()
        row = pc.index_in(known["track_id"], value_set=ids).to_numpy()
        time = np.arange(seen, seen + len(row))
        seen += len(row)
        same = np.asarray(pc.equal(version_keys(known), keys.take(pa.array(row))))
        answer, reason = np.asarray(pc.is_null(known["reason"])), known["reason"]
        passing = np.asarray(pc.is_in(reason, value_set=_TRANSIENT))
        counts = ~np.asarray(pc.is_in(reason, value_set=_ELSEWHERE))
        # numpy documents that of several values for one place the last one stays
        answered[row[same & answer]] = time[same & answer]
        other[row[~same & ~passing]] = time[~same & ~passing]
        reject = same & ~answer & counts
        rejected[row[reject]] = time[reject]
        is_deferred[row[reject]] = np.asarray(pc.equal(reason, RejectReason.DEFERRED))[reject]
        is_final[row[reject]] = ~np.asarray(pc.is_in(reason, value_set=pa.array(sorted(again), pa.string())))[reject]
    done = (answered > other) | ((rejected > other) & is_final)
    deferred = pa.array(is_deferred, mask=~is_deferred)
    return batch.set_column(batch.schema.names.index("deferred"), "deferred", deferred).filter(pa.array(~done))


def _gathered(pieces: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in fewer pieces, since each piece is compared with all tracks of a batch."""
    waiting: list[pa.RecordBatch] = []
    for piece in pieces:
        # not every source of outcomes says that they are never null, and a table has one schema
        waiting.append(piece.select(_OUTCOME.names).cast(_OUTCOME))
        if sum(each.num_rows for each in waiting) >= _COMPARED_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _check_order(last: str, ids: pa.Array) -> None:
    before = pa.concat_arrays([pa.array([last], pa.string()), ids[:-1]])
    wrong = pc.index(pc.less(ids, before), True).as_py()
    if wrong >= 0:
        raise ValueError(f"tracks are not sorted: {ids[wrong].as_py()!r} after {before[wrong].as_py()!r}")
