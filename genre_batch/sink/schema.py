"""The tables that a run writes: their rows, and every column with its type, its values and its schema version.

A column is defined here and nowhere else: the files of a run, its staged parts, verification and readers derive what
they need from it. A schema version is the set of columns whose `since` is not above it, so versions only ever grow, and
the newest one is the union of all. To add a column, append it with the next version as `since`. Never rename, retype,
move or remove one; a change of meaning needs a new name (docs/decisions/0018-schema-versions.md).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.features.segments import Segments
from genre_batch.model.scores import Score
from genre_batch.sink.run_facts import RunFacts


@dataclass(frozen=True, slots=True)
class ScoredTrack:
    """One row of `scores`, without the columns that are the same for the whole run."""

    track: Track
    facts: TrackFacts
    score: Score


@dataclass(frozen=True, slots=True)
class DescribedTrack:
    """The rows of one track in `features`: segments [n, rows, columns] become one row of the table each."""

    track: Track
    facts: TrackFacts
    segments: Segments


AnsweredTrack = ScoredTrack | DescribedTrack


@dataclass(frozen=True, slots=True)
class RejectedTrack:
    """One row of `rejects`, without the columns that are the same for the whole run."""

    track: Track
    reject: Reject
    attempts: int


AnyRow = ScoredTrack | DescribedTrack | RejectedTrack
Row = TypeVar("Row", bound=AnyRow)
Row_contra = TypeVar("Row_contra", bound=AnyRow, contravariant=True)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row_contra]):
    """One column of a table.

    values: what it holds for these rows of a run, as anything that `pa.array` takes. since: the first schema version
    that has the column; a file of an older version lacks it, so that any column added after version 1 is nullable.
    """

    name: str
    type: pa.DataType
    values: Callable[[Sequence[Row_contra], RunFacts], object]
    nullable: bool = False
    since: int = 1


Columns = tuple[Column[Row], ...]


def _each(
    name: str, type_: pa.DataType, value: Callable[[Row], object], *, nullable: bool = False, since: int = 1
) -> Column[Row]:
    """A column that holds `value` of each row."""
    return Column(name, type_, lambda rows, _: [value(row) for row in rows], nullable, since)


def _constant(name: str, type_: pa.DataType, value: Callable[[RunFacts], object]) -> Column[Row]:
    """A column that holds the same value in all rows of a run."""
    return Column(name, type_, lambda rows, run: pa.repeat(pa.scalar(value(run), type_), len(rows)))


_TIME = pa.timestamp("us", tz="UTC")

_TRACK: Columns[AnyRow] = (
    _each("track_id", pa.string(), lambda row: row.track.track_id),
    _each("uri", pa.string(), lambda row: row.track.uri),
    _each("etag", pa.string(), lambda row: row.track.etag),
    _each("size_bytes", pa.int64(), lambda row: row.track.size_bytes),
)
_FINGERPRINT: Column[AnyRow] = _constant("fingerprint", pa.string(), lambda run: run.fingerprint)
_RUN: Columns[AnyRow] = (
    _constant("run_id", pa.string(), lambda run: run.run_id),
    _constant("event_timestamp", _TIME, lambda run: run.planned_at),
    _constant("created_timestamp", _TIME, lambda run: run.planned_at),
)
_FILE: Columns[AnsweredTrack] = (
    _each("sample_rate", pa.int32(), lambda row: row.facts.sample_rate, nullable=True, since=2),
    _each("channels", pa.int16(), lambda row: row.facts.channels, nullable=True, since=2),
)

GENRE_PROBABILITY = pa.struct(
    [pa.field("genre", pa.string(), nullable=False), pa.field("probability", pa.float32(), nullable=False)]
)
# Parquet calls the items of a list "element"; the same name here keeps both schemas equal after a round trip.
_TOP_K = pa.list_(pa.field("element", GENRE_PROBABILITY, nullable=False))


_EMBEDDING = pa.list_(pa.field("element", pa.float32(), nullable=False))


def _embeddings(rows: Sequence[ScoredTrack], _: RunFacts) -> pa.ListArray:
    """Readers such as Spark know no half precision, so the values are stored in single precision."""
    known = [row.score.embedding for row in rows]
    values = np.frombuffer(b"".join(each or b"" for each in known), "<f2").astype(np.float32)
    starts = np.cumsum([0, *(len(each or b"") // 2 for each in known)], dtype=np.int32)
    missing = pa.array([each is None for each in known], pa.bool_())
    return pa.ListArray.from_arrays(starts, pa.array(values), type=_EMBEDDING, mask=missing)


def _top_k(rows: Sequence[ScoredTrack], _: RunFacts) -> pa.ListArray:
    """One list of structs per row, built column by column: a quarter of the time that Arrow takes to convert dicts."""
    pairs = [pair for row in rows for pair in row.score.top_k]
    fields = [pa.array([pair[number] for pair in pairs], field.type) for number, field in enumerate(GENRE_PROBABILITY)]
    starts = np.cumsum([0, *(len(row.score.top_k) for row in rows)], dtype=np.int32)
    values = pa.StructArray.from_arrays(fields, fields=list(GENRE_PROBABILITY))
    return pa.ListArray.from_arrays(starts, values, type=_TOP_K)


TAG_PROBABILITY = pa.struct(
    [pa.field("tag", pa.string(), nullable=False), pa.field("probability", pa.float32(), nullable=False)]
)


def _tags(row: ScoredTrack) -> list[dict[str, str | float]] | None:
    if row.score.tags is None:
        return None
    return [{"tag": tag, "probability": probability} for tag, probability in row.score.tags]


SCORE_COLUMNS: Columns[ScoredTrack] = (
    *_TRACK,
    _each("duration_s", pa.float64(), lambda row: row.facts.duration_s),
    _each("genre", pa.string(), lambda row: row.score.genre, nullable=True),
    _each("confidence", pa.float32(), lambda row: row.score.confidence),
    Column("top_k", _TOP_K, _top_k),
    _each("abstained", pa.bool_(), lambda row: row.score.abstained),
    _each("window_start_s", pa.float64(), lambda row: row.facts.window_start_s),
    _each("segments", pa.int32(), lambda row: row.score.segments),
    _each("decoder", pa.string(), lambda row: row.facts.decoder),
    _FINGERPRINT,
    *_RUN,
    *_FILE,
    Column("embedding", _EMBEDDING, _embeddings, nullable=True, since=3),
    _each("in_scope", pa.float32(), lambda row: row.score.in_scope, nullable=True, since=3),
    _each("tags", pa.list_(pa.field("element", TAG_PROBABILITY, nullable=False)), _tags, nullable=True, since=3),
)
"""Columns of `scores`; `genre` is null if the model abstains. Partition columns (model, dt) are in the path only."""

REJECT_COLUMNS: Columns[RejectedTrack] = (
    *_TRACK,
    _each("stage", pa.string(), lambda row: row.reject.stage.value),
    _each("reason", pa.string(), lambda row: row.reject.reason.value),
    _each("message", pa.string(), lambda row: row.reject.message),
    _each("attempts", pa.int32(), lambda row: row.attempts),
    *_RUN,
)
"""Columns of `rejects`; `reason` is one of `RejectReason`, `message` at most 500 printable characters."""


def _per_segment(columns: Columns[DescribedTrack]) -> Columns[DescribedTrack]:
    """The same columns with each value repeated for all segments of its track."""

    def repeated(column: Column[DescribedTrack]) -> Column[DescribedTrack]:
        def values(rows: Sequence[DescribedTrack], run: RunFacts) -> pa.Array:
            counts = [len(row.segments) for row in rows]
            return pa.array(column.values(rows, run), column.type).take(np.repeat(np.arange(len(rows)), counts))

        return Column(column.name, column.type, values, column.nullable, column.since)

    return tuple(map(repeated, columns))


def _descriptor(name: str, number: int) -> Column[DescribedTrack]:
    def values(rows: Sequence[DescribedTrack], _: RunFacts) -> Segments:
        return np.concatenate([np.empty(0, np.float32), *(row.segments[:, number, 0] for row in rows)])

    return Column(name, pa.float32(), values)


def feature_columns(descriptors: Sequence[str], segment_s: float = 0.0) -> Columns[DescribedTrack]:
    """Columns of `features`: one row per segment of `segment_s` seconds, with the number of each descriptor.

    `segment` counts the segments of a track from 0. The segments of each row are [n, len(descriptors), 1].
    """

    def starts_s(rows: Sequence[DescribedTrack], _: RunFacts) -> list[float]:
        return [row.facts.window_start_s + number * segment_s for row in rows for number in range(len(row.segments))]

    def numbers(rows: Sequence[DescribedTrack], _: RunFacts) -> list[int]:
        return [number for row in rows for number in range(len(row.segments))]

    return (
        *_per_segment(
            (
                *_TRACK,
                _each("duration_s", pa.float64(), lambda row: row.facts.duration_s),
                _each("decoder", pa.string(), lambda row: row.facts.decoder),
            )
        ),
        Column("segment", pa.int32(), numbers),
        Column("segment_start_s", pa.float64(), starts_s),
        *(_descriptor(name, number) for number, name in enumerate(descriptors)),
        *_per_segment((_FINGERPRINT, *_RUN, *_FILE)),
    )


SCHEMA_VERSION = max(c.since for columns in (SCORE_COLUMNS, REJECT_COLUMNS, feature_columns([])) for c in columns)
"""The schema version of new runs."""


def schema_of(columns: Columns[Row], version: int = SCHEMA_VERSION) -> pa.Schema:
    """The schema that a table with these columns has in schema version `version`."""
    return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in columns if c.since <= version])


def file_schema(table: str, version: int, found: Collection[str] = ()) -> pa.Schema:
    """The schema that a file of `table` (scores, features or rejects) must have in schema version `version`.

    found: the names of the columns it has; in `features`, those that no version defines are descriptors.
    """
    if table == "features":
        return schema_of(feature_columns(descriptors_among(found)), version)
    return schema_of(SCORE_COLUMNS, version) if table == "scores" else schema_of(REJECT_COLUMNS, version)


def descriptors_among(names: Collection[str]) -> list[str]:
    """The columns of `features` that are descriptors, in the same order."""
    fixed = {c.name for columns in (feature_columns([]), REJECT_COLUMNS) for c in columns}
    return [name for name in names if name not in fixed]


SCORES, REJECTS = schema_of(SCORE_COLUMNS), schema_of(REJECT_COLUMNS)
"""What a reader of all runs sees: the newest schema version, whose columns are those of every older one and more."""
