"""Edits of a score are found if the row alone shows them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sink.shard_rows import FACTS, make_plan, make_track, make_tracks, reject, score

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_batch
from genre_batch.model.scores import GenreProbability, Score
from genre_batch.sink.schema import DescribedTrack, ScoredTrack, feature_columns
from genre_batch.sink.tables import make_scores, rejects_table, to_table
from genre_batch.stages import predict
from genre_batch.verify.rows import (
    GENRES_KEPT,
    Fault,
    wrong_facts,
    wrong_numbers,
    wrong_rejects,
    wrong_scores,
    wrong_segments,
    wrong_tracks,
)

RUN = make_plan()
TRACKS = make_tracks(5)
SCORES = make_scores([score(track) for track in TRACKS[:3]], RUN)
REJECTS = rejects_table([reject(track) for track in TRACKS[3:]], RUN)


def listed(tracks: Sequence[Track]) -> pa.Table:
    return pa.Table.from_batches([to_batch(tracks)])


def counted(faults: Iterable[Fault]) -> dict[str, int]:
    return {fault: tracks for fault, tracks in faults if tracks}


def test_whole_tables_have_no_fault() -> None:
    assert counted(wrong_tracks(SCORES, REJECTS, listed(TRACKS))) == {}
    assert counted(wrong_tracks(SCORES, None, listed(TRACKS[:3]))) == {}
    assert counted([*wrong_facts(SCORES, RUN), *wrong_facts(REJECTS, RUN), *wrong_rejects(REJECTS)]) == {}


@pytest.mark.parametrize(
    ("scores", "tracks", "fault"),
    [
        (SCORES.slice(1), TRACKS, {"listed tracks have no outcome": 1}),
        (SCORES, TRACKS[1:], {"rows are not of a listed track": 1}),
        (SCORES, [make_track(0, "v2"), *TRACKS[1:]], {"rows have another etag, uri or size than the listing": 1}),
        (pa.concat_tables([SCORES, SCORES.slice(2)]), TRACKS, {"tracks have more than one outcome": 1}),
        (SCORES.take([1, 0, 2]), TRACKS, {"rows are not in the order of the listing": 1}),
        (SCORES.take([1, 0, 2]), None, {"rows are not in the order of the listing": 1}),
    ],
)
def test_wrong_rows_are_found(scores: pa.Table, tracks: list[Track] | None, fault: dict[str, int]) -> None:
    assert counted(wrong_tracks(scores, REJECTS, None if tracks is None else listed(tracks))) == fault


def test_rows_of_another_run_are_found() -> None:
    other = make_plan(fingerprint="0" * 64, run_id="20261121T065212Z-000000")
    assert counted(wrong_facts(SCORES, other)) == {
        "run_id is not that of the run": 3,
        "fingerprint is not that of the run": 3,
    }


@pytest.mark.parametrize(("column", "value"), [("reason", "bored"), ("stage", "x"), ("attempts", 0), ("message", "\n")])
def test_wrong_rejects_are_found(column: str, value: object) -> None:
    field = REJECTS.schema.field(column)
    table = REJECTS.set_column(REJECTS.column_names.index(column), field, pa.array([value] * 2, field.type))
    assert list(counted(wrong_rejects(table)).values()) == [2]


GENRES = ["jazz", "rock"]
(TRACK,) = make_tracks(1)
GOOD = score(TRACK).score


def table(*scores: Score) -> pa.Table:
    rows = [ScoredTrack(TRACK, FACTS, each) for each in scores]
    return make_scores(rows, make_plan())


def faults(*scores: Score, genres: list[str] | None = GENRES) -> dict[str, int]:
    return {fault: rows for fault, rows in wrong_scores(table(*scores), genres) if rows}


def top(*pairs: tuple[str, float]) -> tuple[GenreProbability, ...]:
    return pairs


def test_right_scores_have_no_fault() -> None:
    silent = replace(GOOD, genre=None, abstained=True)
    assert faults(GOOD, silent, GOOD) == {}
    embedded = [replace(GOOD, embedding=np.array(values, "<f2").tobytes()) for values in ([0.6, 0.8], [0.0, 0.0])]
    assert faults(*embedded, GOOD) == {}
    longer = replace(GOOD, embedding=np.array([0.6, 0.0, 0.8], "<f2").tobytes())
    assert faults(*embedded, longer) == {"the embedding is not of unit length, or not as long as the others": 1}
    assert faults() == {}
    ten = top(("g0", 0.5), *((f"g{number}", 0.05) for number in range(1, 10)))
    many = Score("g0", 0.5, ten, False, 1)
    assert faults(many, genres=None) == {}
    assert faults(many, genres=[f"g{number}" for number in range(30)]) == {}


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (replace(GOOD, top_k=(), genre=None, abstained=True), "top_k is empty"),
        (replace(GOOD, confidence=1.5, top_k=top(("jazz", 1.5), ("rock", -0.5))), "between 0 and 1"),
        (replace(GOOD, confidence=float("nan"), top_k=top(("jazz", float("nan")), ("rock", 0.25))), "between 0 and 1"),
        (replace(GOOD, top_k=top(("jazz", 0.75), ("rock", 0.2))), "sum to 1"),
        (replace(GOOD, top_k=top(("jazz", 0.75), ("rock", 0.26))), "sum to 1"),
        (replace(GOOD, confidence=0.25, top_k=top(("jazz", 0.25), ("rock", 0.75))), "not sorted"),
        (replace(GOOD, top_k=top(("jazz", 0.75), ("jazz", 0.25))), "twice"),
        (replace(GOOD, top_k=top(("jazz", 0.75), ("polka", 0.25))), "not one of the model's"),
        (replace(GOOD, confidence=1.0, top_k=top(("jazz", 1.0))), "too short"),
        (replace(GOOD, confidence=0.7), "confidence is not the probability"),
        (replace(GOOD, genre="rock"), "genre is not the first"),
        (replace(GOOD, genre=None), "do not agree"),
        (replace(GOOD, abstained=True), "do not agree"),
        (replace(GOOD, segments=0), "no segments"),
        (replace(GOOD, embedding=np.array([0.9, 0.0], "<f2").tobytes()), "not of unit length"),
        (replace(GOOD, embedding=np.array([1.0, np.nan], "<f2").tobytes()), "not of unit length"),
        (replace(GOOD, embedding=b""), "not of unit length"),
    ],
)
def test_a_wrong_score_is_found(wrong: Score, fault: str) -> None:
    found = faults(GOOD, wrong, GOOD)
    assert [rows for each, rows in found.items() if fault in each] == [1] * len([f for f in found if fault in f])
    assert any(fault in each for each in found), found


def test_the_longest_list_is_that_of_the_actors() -> None:
    assert predict._TOP_K == GENRES_KEPT


TRACKS_FEATURE_VALUES = make_tracks(3)
SEGMENTS = 4


def table_feature_values(segments: int = SEGMENTS) -> pa.Table:
    """Three tracks of four segments each, with two descriptors."""
    numbers = np.arange(segments * 2, dtype=np.float32).reshape(segments, 2, 1)
    rows = [DescribedTrack(track, FACTS, numbers) for track in TRACKS_FEATURE_VALUES]
    return to_table(rows, feature_columns(["tempo", "rms_mean"], 3.0), make_plan())


def edited(column: str, row: int, value: object) -> pa.Table:
    """`table_feature_values` with one value changed."""
    whole = table_feature_values()
    values = whole[column].to_pylist()
    values[row] = value
    place = whole.column_names.index(column)
    return whole.set_column(place, whole.schema.field(column), pa.array(values, whole.schema.field(column).type))


def told_feature_values(faults: Iterable[Fault]) -> dict[str, int]:
    return {fault: rows for fault, rows in faults if rows}


@pytest.mark.parametrize("segments", [0, 1, SEGMENTS])
def test_right_features_have_no_fault(segments: int) -> None:
    assert (
        told_feature_values(
            [*wrong_segments(table_feature_values(segments)), *wrong_numbers(table_feature_values(segments))]
        )
        == {}
    )


@pytest.mark.parametrize(
    ("wrong", "fault", "rows"),
    [
        (table_feature_values().slice(1), "segments do not count from 0", 1),
        (table_feature_values().take([0, 2, 3, 4]), "segments do not count from 0", 1),
        (table_feature_values().take([0, 5, 2, 1]), "segments do not count from 0", 3),
        (edited("segment", 3, 4), "segments do not count from 0", 1),
        (edited("segment", 3, -1), "segments do not count from 0", 1),
        (edited("segment_start_s", 2, 18.0), "a segment does not start after the one before", 1),
        (edited("segment_start_s", 2, float("nan")), "a segment does not start after the one before", 2),
        (edited("uri", 5, "s3://music/other"), "uri changes within a track", 2),
        (edited("etag", 4, "v9"), "etag changes within a track", 1),
        (edited("size_bytes", 7, 1), "size_bytes changes within a track", 1),
        (edited("duration_s", 6, 31.0), "duration_s changes within a track", 2),
        (edited("decoder", 6, "av"), "decoder changes within a track", 2),
    ],
)
def test_rows_that_are_not_those_of_whole_tracks_are_found(wrong: pa.Table, fault: str, rows: int) -> None:
    assert told_feature_values(wrong_segments(wrong))[fault] == rows


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("column", ["tempo", "rms_mean"])
def test_a_descriptor_that_is_not_a_number_is_found(column: str, value: float) -> None:
    assert told_feature_values(wrong_numbers(edited(column, 5, value))) == {f"{column} is not finite": 1}


@pytest.mark.parametrize("column", ["duration_s", "segment_start_s"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_an_invalid_time_is_found(column: str, value: float) -> None:
    assert told_feature_values(wrong_numbers(edited(column, 5, value))) == {f"{column} is not a valid time": 1}


def test_a_track_that_occurs_twice_is_found_by_its_rows() -> None:
    listed = pa.Table.from_batches([to_batch(TRACKS_FEATURE_VALUES)])
    doubled = pa.concat_tables([table_feature_values().slice(0, SEGMENTS), table_feature_values()])
    assert told_feature_values(wrong_segments(doubled)) == {"segments do not count from 0": 1, **_not_later(1)}
    assert told_feature_values(wrong_tracks(doubled, None, listed)) == {"tracks have more than one outcome": 1}


def _not_later(rows: int) -> dict[str, int]:
    return {"a segment does not start after the one before": rows}
