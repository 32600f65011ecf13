"""What has its outcome already and need not be scored again, streamed: memory does not grow with the table."""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.mending import mend
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.prefetch import prefetched, shards_at_once
from genre_batch.sink.record import CommitRecord
from genre_batch.storage.store import ObjectGone, Store

_KEY = ["track_id", "etag"]
_READERS = 16
_ROWS_AT_ONCE = 4096


def tried_again(retry: Collection[RejectReason]) -> frozenset[str]:
    """The reasons of rejects that are no end: those that may go away by themselves, and those of `retry`."""
    return frozenset(reason.value for reason in TRANSIENT.union(retry))


@contextmanager
def done_runs(
    store: Store, output: str, model_id: str, fingerprint: str
) -> Iterator[Sequence[Iterator[pa.RecordBatch]]]:
    """For each run of this model, the oldest first, what came of its tracks: sorted by track_id, streamed in batches.

    The columns are track_id, etag and the reason of a reject, null for an answer. They come from all committed shards,
    of finished runs and others. Raises DamageFound where a committed file is missing or cannot be read as Parquet, or
    a plan is missing or cannot be understood, and what the store raises.
    """
    plans = list(_plans(store, output, model_id, fingerprint))
    with ThreadPoolExecutor(_READERS) as executor:
        runs = len(plans)
        ahead = [shards_at_once(1 + _READERS // runs, plan.shard_tracks, runs) for plan in plans]
        yield [_run_batches(store, output, *each, executor) for each in zip(plans, ahead, strict=True)]


def _plans(store: Store, output: str, model_id: str, fingerprint: str) -> Iterator[RunPlan]:
    for run_id in run_ids(store, output):
        try:
            plan = read_plan(store, output, run_id)
        except ObjectGone:
            _check_unpublished(store, output, run_id)
            continue
        if (plan.model_id, plan.fingerprint) == (model_id, fingerprint):
            yield plan


def _check_unpublished(store: Store, output: str, run_id: str) -> None:
    """A run that is being planned has no plan yet; one with committed shards has lost it: they would be forgotten."""
    if next(iter(store.list(layout.at(output, layout.commits_folder(run_id)))), None) is not None:
        raise DamageFound(f"{layout.plan_path(run_id)} is missing, and the run has committed shards", mend(output))


def _run_batches(store: Store, output: str, plan: RunPlan, ahead: int, executor: Executor) -> Iterator[pa.RecordBatch]:
    """The outcomes of one run, sorted: its shards are ranges of a sorted listing."""
    ledger = Ledger(store, output, plan)

    def outcomes(shard_index: int) -> pa.Table:
        return _shard_outcomes(store, output, ledger.record(shard_index))

    for table in prefetched(outcomes, sorted(ledger.shards()), executor, ahead):
        yield from table.to_batches(max_chunksize=_ROWS_AT_ONCE)


def _shard_outcomes(store: Store, output: str, record: CommitRecord) -> pa.Table:
    """Outcomes of one shard, sorted, as a table of track_id, etag and reason, null for an answer."""

    def read(path: str, columns: list[str]) -> pa.Table:
        try:
            data = store.read(layout.at(output, path))
        except ObjectGone as gone:
            raise DamageFound(f"{path} is missing, and its shard is committed", mend(output)) from gone
        return read_columns(data, columns, path, output)

    answers_path, *reject_paths = (file.path for file in record.files)
    answers = read(answers_path, _KEY)
    answers = answers.append_column("reason", pa.nulls(answers.num_rows, pa.string()))
    rejects = [read(path, [*_KEY, "reason"]) for path in reject_paths]
    if not rejects:
        return answers
    return pa.concat_tables([answers, *rejects], promote_options="default").sort_by("track_id")
