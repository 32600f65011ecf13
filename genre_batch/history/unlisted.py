"""Tracks that earlier runs over a source tried, and are missing from its newest full listing: they are gone.

One object per source, below `_runs/_unlisted/`, replaced by each planning that finds something else. Its rows look like
rejects: a track that is missing as of a run has no answer from that run on, until a newer run has one.
"""

import hashlib
import io
from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_batch.sink import layout
from genre_batch.sink.parquet import read_columns
from genre_batch.storage.open_store import absolute
from genre_batch.storage.store import ObjectGone, Store

DELETED, NEVER_ANSWERED = "deleted", "never_answered"
GONE_SCHEMA = pa.schema([(name, pa.string()) for name in ("track_id", "etag", "run_id", "reason")])
"""The keys of a reject; `etag` is none that a store gives. run_id: as of which run the track is gone.

reason: `DELETED`, or `NEVER_ANSWERED` if the track only had rejects, so that there is nothing to withdraw.
"""
_KNOWN = ["track_id", "reason"]


class Unlisted:
    """Collects the track_ids of past runs that are missing from a listing. runs: the numbers of those runs."""

    def __init__(self, runs: Iterable[int]) -> None:
        self._runs = frozenset(runs)
        self._answered: list[pa.Array] = []
        self._rejected: list[pa.Array] = []

    def add(self, run: int, answered: pa.Array, rejected: pa.Array) -> None:
        """Add the ids of tracks of this run that are missing from the listing, by their outcome."""
        if run in self._runs:
            self._answered += [answered] if len(answered) else []
            self._rejected += [rejected] if len(rejected) else []

    def add_rows(self, rows: pa.RecordBatch | pa.Table) -> None:
        """The same for outcomes of tracks that are missing, with the number of the run of each in the column `run`."""
        if self._runs and rows.num_rows:
            mine = rows.filter(pc.is_in(rows["run"], value_set=pa.array(sorted(self._runs), pa.int32())))
            table = pa.table({name: mine[name] for name in _KNOWN}).combine_chunks()
            answered = pc.is_null(table["reason"])
            self._answered += table["track_id"].filter(answered).chunks
            self._rejected += table["track_id"].filter(pc.invert(answered)).chunks

    def counts_any(self, runs: Collection[int]) -> bool:
        """Whether it collects tracks of any of these runs."""
        return not self._runs.isdisjoint(runs)

    def rows(self, as_of: str) -> pa.Table:
        """One row per track, sorted, with the columns of `GONE_SCHEMA`; as_of: the id of the run that was planned."""
        answered = pa.chunked_array(self._answered, pa.string()).unique()
        ids = pa.chunked_array([answered, *self._rejected], pa.string()).unique().sort()
        constants = (pa.repeat(pa.scalar(value), len(ids)) for value in (DELETED, as_of))
        reason = pc.if_else(pc.is_in(ids, value_set=answered), DELETED, NEVER_ANSWERED)
        return pa.table([ids, *constants, reason], schema=GONE_SCHEMA)


def write_unlisted(store: Store, output: str, source: str, rows: pa.Table) -> None:
    """Keep what is missing from the newest full listing of `source`. Writes nothing if that is known already."""
    uri = layout.at(output, layout.unlisted_path(hashlib.sha256(absolute(source).encode()).hexdigest()[:32]))
    before = _read(store, uri)
    if rows.select(_KNOWN).equals(before.select(_KNOWN)):
        return
    # a track stays gone as of the run that missed it first: a run planned since then may have answered it again
    store.write(uri, gone_bytes(_with_first_run(rows, before)))


def read_unlisted(store: Store, output: str) -> pa.Table:
    """The tracks that are gone from any source, sorted by track_id and run."""
    found = [_read(store, each.uri) for each in store.list(layout.at(output, layout.UNLISTED_FOLDER))]
    order = [("track_id", "ascending"), ("run_id", "ascending")]
    return pa.concat_tables([GONE_SCHEMA.empty_table(), *found]).sort_by(order)


def gone_bytes(rows: pa.Table) -> bytes:
    """The rows as a Parquet file: the same rows give the same bytes."""
    file = io.BytesIO()
    pq.write_table(rows.combine_chunks(), file, compression="zstd", write_page_checksum=True)
    return file.getvalue()


def _read(store: Store, uri: str) -> pa.Table:
    try:
        return read_columns(store.read(uri), GONE_SCHEMA.names, uri).cast(GONE_SCHEMA)
    except ObjectGone:
        return GONE_SCHEMA.empty_table()


def _with_first_run(rows: pa.Table, before: pa.Table) -> pa.Table:
    known = dict(_pairs(before))
    runs = [known.get(track_id, run_id) for track_id, run_id in _pairs(rows)]
    return rows.set_column(2, GONE_SCHEMA.field("run_id"), pa.array(runs, pa.string()))


def _pairs(rows: pa.Table) -> Iterator[tuple[str, str]]:
    yield from zip(rows["track_id"].to_pylist(), rows["run_id"].to_pylist(), strict=True)
