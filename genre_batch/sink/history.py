"""What has its outcome already and need not be scored again, streamed: memory does not grow with the table."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import groupby, repeat
from operator import itemgetter
from typing import NamedTuple

import pyarrow as pa

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.catalog.track import Track
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.prefetch import prefetched
from genre_batch.sink.record import CommitRecord
from genre_batch.storage.store import ObjectGone, Store

_KEY = ["track_id", "etag"]
_READERS = 16
_ROWS_AT_ONCE = 4096


class DoneKey(NamedTuple):
    """A track in the version, told by its etag, that has its outcome already."""

    track_id: str
    etag: str


class _Outcome(NamedTuple):
    """What one run made of a track; `run` counts runs from the oldest, `reason` is empty for an answer."""

    track_id: str
    etag: str
    run: int
    reason: str


def already_scored(
    store: Store, output: str, model_id: str, fingerprint: str, *, retry: Collection[RejectReason] = ()
) -> Iterator[DoneKey]:
    """The keys of all tracks that this model need not see again, each once, sorted by track_id, streamed.

    They come from all committed shards, of finished runs and others: tracks with an answer, and those whose newest
    reject has a reason that does not go away by itself and is not one of `retry`. A track may come more than once, with
    different etags. Raises DamageFound where a committed file cannot be read as Parquet, and what the store raises.
    """
    plans = list(_plans(store, output, model_id, fingerprint))
    ahead = 1 + _READERS // max(1, len(plans))
    again = TRANSIENT.union(retry)
    with ThreadPoolExecutor(_READERS) as executor:
        runs = (_run_outcomes(store, output, plan, run, executor, ahead) for run, plan in enumerate(plans))
        for key, outcomes in groupby(heapq.merge(*runs), itemgetter(0, 1)):
            reasons = [outcome.reason for outcome in outcomes]
            if "" in reasons or reasons[-1] not in again:
                yield DoneKey(*key)


def new_tracks(tracks: Iterable[Track], done: Iterable[DoneKey]) -> Iterator[Track]:
    """The tracks without a key in `done`; both are sorted by track_id, and `done` may hold a track more than once.

    Raises ValueError where the tracks are out of order: their keys would be missed without a word.
    """
    keys = iter(done)
    key = next(keys, None)
    last = ""
    for track in tracks:
        if track.track_id < last:
            raise ValueError(f"tracks are not sorted: {track.track_id!r} after {last!r}")
        last = track.track_id
        while key is not None and key.track_id < track.track_id:
            key = next(keys, None)
        seen = False
        while key is not None and key.track_id == track.track_id:
            seen = seen or key.etag == track.etag
            key = next(keys, None)
        if not seen:
            yield track


def _plans(store: Store, output: str, model_id: str, fingerprint: str) -> Iterator[RunPlan]:
    for run_id in run_ids(store, output):
        try:
            plan = read_plan(store, output, run_id)
        except ObjectGone:
            continue
        if (plan.model_id, plan.fingerprint) == (model_id, fingerprint):
            yield plan


def _run_outcomes(
    store: Store, output: str, plan: RunPlan, run: int, executor: Executor, ahead: int
) -> Iterator[_Outcome]:
    """The outcomes of one run, sorted: its shards are ranges of a sorted listing."""
    ledger = Ledger(store, output, plan)

    def outcomes(shard_index: int) -> pa.Table:
        return _shard_outcomes(store, output, ledger.record(shard_index))

    for table in prefetched(outcomes, sorted(ledger.shards()), executor, ahead):
        for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
            yield from map(_Outcome, *(batch[name].to_pylist() for name in _KEY), repeat(run), _reasons(batch))


def _shard_outcomes(store: Store, output: str, record: CommitRecord) -> pa.Table:
    """Outcomes of one shard, sorted, as a table of track_id, etag and reason, null for an answer."""

    def read(path: str, columns: list[str]) -> pa.Table:
        return read_columns(store.read(layout.at(output, path)), columns, path)

    answers, *rejects = (file.path for file in record.files)
    parts = [read(answers, _KEY), *(read(path, [*_KEY, "reason"]) for path in rejects)]
    return pa.concat_tables(parts, promote_options="default").sort_by("track_id")


def _reasons(batch: pa.RecordBatch) -> Iterable[str]:
    return batch["reason"].fill_null("").to_pylist() if "reason" in batch.schema.names else repeat("")
