"""Tracks as Arrow tables, and back."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.from_columns import from_columns
from genre_batch.catalog.track import Track

SCHEMA = pa.schema(
    [
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("modified_at", pa.timestamp("us", "UTC")),
        pa.field("deferred", pa.bool_()),
    ]
)
FACTS = SCHEMA.names[:4]
"""The columns that say which version of which object a track is. The others only decide what is done first; deferred:
an earlier run left this version of the track for later."""


def to_batch(tracks: Sequence[Track]) -> pa.RecordBatch:
    """One row per track, in the same order."""
    columns = [[getattr(track, name) for track in tracks] for name in [*FACTS, "modified_at"]]
    return listed_rows(*(pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=False)))


def listed_rows(
    ids: pa.Array, uris: pa.Array, etags: pa.Array, sizes_bytes: pa.Array, modified_at: pa.Array | None = None
) -> pa.RecordBatch:
    """The same for tracks whose facts are columns already; none of them was left for later."""
    times = pa.nulls(len(ids), SCHEMA.field("modified_at").type) if modified_at is None else modified_at
    columns = [ids, uris, etags, sizes_bytes, times, pa.nulls(len(ids), pa.bool_())]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def times_of(texts: Sequence[str]) -> pa.Array:
    """Times in UTC such as "2026-11-29T01:00:00" as a column; null for those that are not of this form."""
    column = pa.array(texts, pa.string())
    try:
        times = column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # takes 14 times as long, and a store that gives times gives them all in one form
        times = pc.strptime(column, "%Y-%m-%dT%H:%M:%S", "us", error_is_null=True)
    return pc.assume_timezone(times, "UTC")


def to_tracks(rows: pa.RecordBatch | pa.Table) -> list[Track]:
    """The rows as tracks, in the same order, without their times, which take longer than all the rest."""
    facts = [rows.column(name).to_pylist() for name in FACTS]
    return from_columns(Track, [*facts, [None] * rows.num_rows])


def in_batches(tracks: Iterable[Track], rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """The tracks in the same order, in batches of `rows`."""
    upcoming = iter(tracks)
    while chunk := list(islice(upcoming, rows)):
        yield to_batch(chunk)


def in_larger_batches(batches: Iterable[pa.RecordBatch], rows: int = 16_384) -> Iterator[pa.RecordBatch]:
    """The same rows, gathered until there are `rows` or more: for a page of 1,000, calls take longer than work."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= rows:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting = []
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def one_by_one(batches: Iterable[pa.RecordBatch]) -> Iterator[Track]:
    """The rows of all batches as tracks, in the same order."""
    for batch in batches:
        yield from to_tracks(batch)
