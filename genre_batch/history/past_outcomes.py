"""The outcomes that exist already, so that they are not computed again, streamed: memory does not grow with the table.

Only key columns and reasons are read; every schema version has them. Runs that the done-index covers are read from
there (`done_index.py`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, repeat

import pyarrow as pa

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.catalog.sorted_runs import TrackRuns, merge
from genre_batch.errors import DamageFound
from genre_batch.history.done_index import key_of_model, usable_segments
from genre_batch.history.done_reader import IndexedOutcomes
from genre_batch.sink import layout
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.map_ahead import map_ahead, shards_ahead
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.record import CommitRecord, DataFile
from genre_batch.sink.sink import open_sink
from genre_batch.sink.tables import OUTCOME, with_run
from genre_batch.storage.store import ObjectGone, Store

_KEY = ["track_id", "etag"]
_READERS = 16
_ROWS_AT_ONCE = 16_384


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
    """The same for these runs, in their order; `plans` are runs of one model.

    The outcomes of all runs that a segment of the done-index covers come with the first of them, sorted together; they
    have one more column, `run`, with the number of the run.
    """
    numbers = {plan.run_id: number for number, plan in enumerate(plans)}

    def read_runs(run_ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return merged_outcomes(store, output, {numbers[each]: plans[numbers[each]] for each in run_ids}, executor)

    with ThreadPoolExecutor(_READERS) as executor:
        segments = usable_segments(store, output, plans, executor)
        key = key_of_model(plans[0].model_id, plans[0].fingerprint) if plans else ""
        indexed = [IndexedOutcomes(store, output, key, each, numbers, read_runs, executor) for each in segments]
        covered = {number for rows in indexed for number in rows.numbers}
        direct = {number: plan for number, plan in enumerate(plans) if number not in covered}
        found: dict[int, Iterator[pa.RecordBatch]] = dict.fromkeys(range(len(plans)), iter(()))
        found |= _each_run(store, output, direct, executor)
        yield found | {min(rows.numbers): rows for rows in indexed}


def merged_outcomes(
    store: Store, output: str, plans: Mapping[int, RunPlan], executor: Executor, *, checked: bool = False
) -> Iterator[pa.RecordBatch]:
    """The outcomes of runs by number, sorted together, with the column `run`; all those of a track are in one batch.

    checked: see `shard_outcomes`.
    """
    found = _each_run(store, output, plans, executor, checked=checked)
    yield from merge([map(with_run, run, repeat(number)) for number, run in found.items()])


def _each_run(
    store: Store, output: str, plans: Mapping[int, RunPlan], executor: Executor, *, checked: bool = False
) -> dict[int, Iterator[pa.RecordBatch]]:
    runs = len(plans)
    ahead = {number: shards_ahead(1 + _READERS // runs, plan.shard_tracks, runs) for number, plan in plans.items()}
    return {
        number: _run_batches(store, output, plan, ahead[number], executor, checked=checked)
        for number, plan in plans.items()
    }


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


def _run_batches(
    store: Store, output: str, plan: RunPlan, ahead: int, executor: Executor, *, checked: bool
) -> Iterator[pa.RecordBatch]:
    """The outcomes of one run, sorted: its shards are ranges of a sorted listing, or have to be sorted together."""
    sink = open_sink(store, output, plan)

    def outcomes(shard_index: int) -> pa.Table:
        return shard_outcomes(store, output, sink.record(shard_index), checked=checked)

    tables = map_ahead(outcomes, sorted(sink.shards()), executor, ahead)
    yield from by_track_id(plan, (table.to_batches(max_chunksize=_ROWS_AT_ONCE) for table in tables))


def by_track_id(
    plan: RunPlan, shards: Iterable[Iterable[pa.RecordBatch]], schema: pa.Schema = OUTCOME
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


def shard_outcomes(store: Store, output: str, record: CommitRecord, *, checked: bool = False) -> pa.Table:
    """Outcomes of one shard, sorted, as a table of track_id, etag and reason, null for an answer.

    checked: compare the bytes with the hashes of `record`, too. Raises DamageFound if a file is missing or damaged, and
    what the store raises.
    """

    def read(file: DataFile, columns: list[str]) -> pa.Table:
        try:
            data = store.read(layout.at(output, file.path))
        except ObjectGone as gone:
            raise DamageFound(f"{file.path} is missing, and its shard is committed", repair_hint(output)) from gone
        if checked and DataFile.of(file.path, data, file.rows) != file:
            raise DamageFound(f"{file.path} is not the file that its marker names", repair_hint(output))
        return read_columns(data, columns, file.path, output)

    answers_file, *reject_files = record.files
    answers = read(answers_file, _KEY)
    answers = answers.append_column("reason", pa.nulls(answers.num_rows, pa.string()))
    rejects = [read(file, [*_KEY, "reason"]) for file in reject_files]
    if not rejects:
        return answers
    return pa.concat_tables([answers, *rejects], promote_options="default").sort_by("track_id")
