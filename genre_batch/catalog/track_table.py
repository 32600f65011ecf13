"""Tracks as Arrow tables, and back."""

from collections.abc import Sequence

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
