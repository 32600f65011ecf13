"""Tracks as Arrow tables, and back."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa

from genre_batch.catalog.track import Track

SCHEMA = pa.schema(
    [
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
    ]
)


def to_batch(tracks: Sequence[Track]) -> pa.RecordBatch:
    """One row for each track, in the same order."""
    columns = [[getattr(track, name) for track in tracks] for name in SCHEMA.names]
    return pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def to_tracks(rows: pa.RecordBatch | pa.Table) -> list[Track]:
    """The rows as tracks, in the same order."""
    return list(map(Track, *(rows.column(name).to_pylist() for name in SCHEMA.names)))


def in_batches(tracks: Iterable[Track], rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """The tracks, in the same order, `rows` at a time."""
    upcoming = iter(tracks)
    while chunk := list(islice(upcoming, rows)):
        yield to_batch(chunk)


def one_by_one(batches: Iterable[pa.RecordBatch]) -> Iterator[Track]:
    """The rows of all batches as tracks, in the same order."""
    for batch in batches:
        yield from to_tracks(batch)
