"""The two tables a run writes: their rows, and their columns as Parquet knows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.features.front_end import Segments
from genre_batch.model.scores import Score


@dataclass(frozen=True, slots=True)
class ScoredTrack:
    """One row of `scores`, but for the columns that are the same for the whole run."""

    track: Track
    duration_s: float
    window_start_s: float
    decoder: str
    score: Score


@dataclass(frozen=True, slots=True)
class DescribedTrack:
    """The rows of one track in `features`: segments [n, rows, columns] are its features, one row of the table each."""

    track: Track
    duration_s: float
    window_start_s: float
    decoder: str
    segments: Segments


AnsweredTrack = ScoredTrack | DescribedTrack


@dataclass(frozen=True, slots=True)
class RejectedTrack:
    """One row of `rejects`, but for the columns that are the same for the whole run."""

    track: Track
    reject: Reject
    attempts: int


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


_TIME = pa.timestamp("us", tz="UTC")

_TRACK = [
    _required("track_id", pa.string()),
    _required("uri", pa.string()),
    _required("etag", pa.string()),
    _required("size_bytes", pa.int64()),
]

_RUN = [
    _required("fingerprint", pa.string()),
    _required("run_id", pa.string()),
    _required("event_timestamp", _TIME),
    _required("created_timestamp", _TIME),
]

GENRE_PROBABILITY = pa.struct([_required("genre", pa.string()), _required("probability", pa.float32())])

SCORES = pa.schema(
    [
        *_TRACK,
        _required("duration_s", pa.float64()),
        pa.field("genre", pa.string()),
        _required("confidence", pa.float32()),
        # Parquet calls the items of a list "element"; the same name here keeps both schemas equal after a round trip.
        _required("top_k", pa.list_(_required("element", GENRE_PROBABILITY))),
        _required("abstained", pa.bool_()),
        _required("window_start_s", pa.float64()),
        _required("segments", pa.int32()),
        _required("decoder", pa.string()),
        *_RUN,
    ]
)
"""Columns of `scores`; `genre` is null where the model abstains. Partition columns (model, dt) are in the path only."""


def features_schema(columns: Sequence[str]) -> pa.Schema:
    """Columns of `features`: a row a segment, `segment` counts them within a track, and one number a descriptor."""
    return pa.schema(
        [
            *_TRACK,
            _required("duration_s", pa.float64()),
            _required("decoder", pa.string()),
            _required("segment", pa.int32()),
            _required("segment_start_s", pa.float64()),
            *(_required(name, pa.float32()) for name in columns),
            *_RUN,
        ]
    )


REJECTS = pa.schema(
    [
        *_TRACK,
        _required("stage", pa.string()),
        _required("reason", pa.string()),
        _required("message", pa.string()),
        _required("attempts", pa.int32()),
        _required("run_id", pa.string()),
        _required("event_timestamp", _TIME),
        _required("created_timestamp", _TIME),
    ]
)
"""Columns of `rejects`; `reason` is one of `RejectReason`, `message` at most 500 printable characters."""
