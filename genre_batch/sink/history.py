"""What has its outcome already and need not be scored again, streamed: memory does not grow with the table."""

import heapq
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import TRANSIENT
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


def already_scored(store: Store, output: str, model_id: str, fingerprint: str) -> Iterator[DoneKey]:
    """The keys of all tracks that this model need not see again, sorted by track_id, streamed.

    They are the rows of all committed shards, of finished runs and others: scores, and rejects for a reason that does
    not go away by itself. A track may come more than once, with different etags or the same. Raises DamageFound where
    a committed file cannot be read as Parquet, and what the store raises.
    """
    plans = list(_plans(store, output, model_id, fingerprint))
    ahead = 1 + _READERS // max(1, len(plans))
    with ThreadPoolExecutor(_READERS) as executor:
        yield from heapq.merge(*(_run_keys(store, output, plan, executor, ahead) for plan in plans))


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


def _run_keys(store: Store, output: str, plan: RunPlan, executor: Executor, ahead: int) -> Iterator[DoneKey]:
    """The keys of one run, sorted: its shards are ranges of a sorted listing."""
    ledger = Ledger(store, output, plan)

    def keys(shard_index: int) -> pa.Table:
        return _shard_keys(store, output, ledger.record(shard_index))

    for table in prefetched(keys, sorted(ledger.shards()), executor, ahead):
        for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
            yield from map(DoneKey, batch["track_id"].to_pylist(), batch["etag"].to_pylist())


def _shard_keys(store: Store, output: str, record: CommitRecord) -> pa.Table:
    """Keys of one shard, sorted, as a table of track_id and etag."""

    def read(path: str, columns: list[str]) -> pa.Table:
        return read_columns(store.read(layout.at(output, path)), columns, path)

    scores, *rejects = (file.path for file in record.files)
    parts = [read(scores, _KEY), *(_permanent(read(path, [*_KEY, "reason"])) for path in rejects)]
    return pa.concat_tables(parts).sort_by("track_id")


def _permanent(rejects: pa.Table) -> pa.Table:
    transient = pa.array(sorted(reason.value for reason in TRANSIENT), pa.string())
    return rejects.filter(pc.invert(pc.is_in(rejects["reason"], value_set=transient))).select(_KEY)
