"""Whatever is edited in a score that can be told from the row alone is told."""

from dataclasses import replace

import pyarrow as pa
import pytest
from sink.shard_rows import make_plan, make_tracks, score

from genre_batch.actors import predict
from genre_batch.model.scores import GenreProbability, Score
from genre_batch.sink.schema import ScoredTrack
from genre_batch.sink.tables import scores_table
from genre_batch.verify.score_values import GENRES_KEPT, wrong_scores

GENRES = ["jazz", "rock"]
(TRACK,) = make_tracks(1)
GOOD = score(TRACK).score


def table(*scores: Score) -> pa.Table:
    rows = [ScoredTrack(TRACK, 30.0, 15.0, "soundfile", each) for each in scores]
    return scores_table(rows, make_plan())


def faults(*scores: Score, genres: list[str] | None = GENRES) -> dict[str, int]:
    return {fault: rows for fault, rows in wrong_scores(table(*scores), genres) if rows}


def top(*pairs: tuple[str, float]) -> tuple[GenreProbability, ...]:
    return pairs


def test_right_scores_have_no_fault() -> None:
    silent = replace(GOOD, genre=None, abstained=True)
    assert faults(GOOD, silent, GOOD) == {}
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
        (replace(GOOD, top_k=top(("jazz", 0.75), ("polka", 0.25))), "none of the model's"),
        (replace(GOOD, confidence=1.0, top_k=top(("jazz", 1.0))), "too short"),
        (replace(GOOD, confidence=0.7), "confidence is not that"),
        (replace(GOOD, genre="rock"), "genre is not the first"),
        (replace(GOOD, genre=None), "do not agree"),
        (replace(GOOD, abstained=True), "do not agree"),
        (replace(GOOD, segments=0), "no segments"),
    ],
)
def test_a_wrong_score_is_told(wrong: Score, fault: str) -> None:
    found = faults(GOOD, wrong, GOOD)
    assert [rows for each, rows in found.items() if fault in each] == [1] * len([f for f in found if fault in f])
    assert any(fault in each for each in found), found


def test_the_longest_list_is_that_of_the_actors() -> None:
    assert predict._TOP_K == GENRES_KEPT
