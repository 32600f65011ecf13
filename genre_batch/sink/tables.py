"""Rows to Arrow tables, with the columns that are the same for the whole run."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from genre_batch.catalog.track import Track
from genre_batch.model.scores import GenreProbability
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import REJECTS, SCORES, DescribedTrack, RejectedTrack, ScoredTrack, features_schema


def scores_table(rows: Sequence[ScoredTrack], run: RunFacts) -> pa.Table:
    """The rows as they are ordered, as a table with the columns of `SCORES`."""
    scores = [row.score for row in rows]
    columns = {
        **_track_columns([row.track for row in rows]),
        "duration_s": [row.duration_s for row in rows],
        "genre": [score.genre for score in scores],
        "confidence": [score.confidence for score in scores],
        "top_k": _lists([score.top_k for score in scores]),
        "abstained": [score.abstained for score in scores],
        "window_start_s": [row.window_start_s for row in rows],
        "segments": [score.segments for score in scores],
        "decoder": [row.decoder for row in rows],
        "fingerprint": [run.fingerprint] * len(rows),
        **_run_columns(run, len(rows)),
    }
    return pa.table(columns, schema=SCORES)


def rejects_table(rows: Sequence[RejectedTrack], run: RunFacts) -> pa.Table:
    """The rows as they are ordered, as a table with the columns of `REJECTS`."""
    columns = {
        **_track_columns([row.track for row in rows]),
        "stage": [row.reject.stage.value for row in rows],
        "reason": [row.reject.reason.value for row in rows],
        "message": [row.reject.message for row in rows],
        "attempts": [row.attempts for row in rows],
        **_run_columns(run, len(rows)),
    }
    return pa.table(columns, schema=REJECTS)


def features_table(rows: Sequence[DescribedTrack], run: RunFacts, columns: Sequence[str], segment_s: float) -> pa.Table:
    """One row a segment, of `segment_s` seconds each, with the descriptors `columns` and those of `features_schema`.

    Each track's segments are [n, len(columns), 1].
    """
    counts = [len(row.segments) for row in rows]
    of_segment = [row for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    segment = [place for count in counts for place in range(count)]
    numbers = np.concatenate([row.segments[:, :, 0] for row in rows] or [np.empty((0, len(columns)), np.float32)])
    starts = [row.window_start_s + place * segment_s for row, place in zip(of_segment, segment, strict=True)]
    table = {
        **_track_columns([row.track for row in of_segment]),
        "duration_s": [row.duration_s for row in of_segment],
        "decoder": [row.decoder for row in of_segment],
        "segment": segment,
        "segment_start_s": starts,
        **{name: numbers[:, place] for place, name in enumerate(columns)},
        "fingerprint": [run.fingerprint] * len(of_segment),
        **_run_columns(run, len(of_segment)),
    }
    return pa.table(table, schema=features_schema(columns))


def _lists(top_k: Sequence[Sequence[GenreProbability]]) -> pa.ListArray:
    """One list of structs a row, made column by column: a quarter of the time that Arrow takes to convert dicts."""
    type_ = SCORES.field("top_k").type
    pairs = [pair for best in top_k for pair in best]
    columns = [pa.array([pair[place] for pair in pairs], type_.value_type.field(place).type) for place in range(2)]
    starts = np.cumsum([0, *map(len, top_k)], dtype=np.int32)
    values = pa.StructArray.from_arrays(columns, fields=list(type_.value_type))
    return pa.ListArray.from_arrays(starts, values, type=type_)


def _track_columns(tracks: Sequence[Track]) -> dict[str, list[str] | list[int]]:
    return {
        "track_id": [track.track_id for track in tracks],
        "uri": [track.uri for track in tracks],
        "etag": [track.etag for track in tracks],
        "size_bytes": [track.size_bytes for track in tracks],
    }


def _run_columns(run: RunFacts, rows: int) -> dict[str, pa.Array]:
    time = pa.scalar(run.planned_at, SCORES.field("event_timestamp").type)
    return {
        "run_id": pa.array([run.run_id] * rows, pa.string()),
        "event_timestamp": pa.repeat(time, rows),
        "created_timestamp": pa.repeat(time, rows),
    }
