"""Probabilities become an answer, or an abstention."""

import numpy as np
import pytest

from genre_batch.model.scores import to_score
from genre_batch.model.taxonomy import Taxonomy

TAXONOMY = Taxonomy(genres=["blues", "jazz", "pop", "rock"])


def probabilities(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_the_most_probable_genres_come_first() -> None:
    score = to_score(probabilities(0.25, 0.125, 0.5, 0.125), TAXONOMY, {}, segments=7)
    assert (score.genre, score.confidence, score.abstained, score.segments) == ("pop", 0.5, False, 7)
    assert score.top_k == (
        ("pop", 0.5),
        ("blues", 0.25),
        ("jazz", 0.125),
    )


@pytest.mark.parametrize(("top_k", "length"), [(1, 1), (4, 4), (5, 4)])
def test_top_k_is_at_most_all_genres(top_k: int, length: int) -> None:
    assert len(to_score(probabilities(0.4, 0.3, 0.2, 0.1), TAXONOMY, {}, segments=1, top_k=top_k).top_k) == length


@pytest.mark.parametrize(("threshold", "genre"), [(0.5, "pop"), (0.51, None)])
def test_the_model_abstains_below_the_threshold_of_the_best_genre(threshold: float, genre: str | None) -> None:
    score = to_score(probabilities(0.25, 0.125, 0.5, 0.125), TAXONOMY, {"pop": threshold, "jazz": 0.0}, segments=1)
    assert (score.genre, score.abstained) == (genre, genre is None)
    assert score.confidence == 0.5
    assert score.top_k[0][0] == "pop"


def test_thresholds_of_other_genres_do_not_matter() -> None:
    assert to_score(probabilities(0.25, 0.125, 0.5, 0.125), TAXONOMY, {"blues": 1.0}, segments=1).genre == "pop"


@pytest.mark.parametrize(
    "wrong",
    [(0.5, 0.5, 0.5, 0.5), (np.nan, 0.5, 0.25, 0.25), (np.inf, 0, 0, 0), (0.25, 0.25, 0.25, 0.2498)],
    ids=str,
)
def test_what_are_no_probabilities_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        to_score(probabilities(*wrong), TAXONOMY, {}, segments=1)


def test_a_threshold_of_one_is_never_reached() -> None:
    certain = np.array([1.0, 0.0], np.float32)
    score = to_score(certain, Taxonomy(genres=["blues", "jazz"]), {"blues": 1.0}, segments=1)
    assert (score.genre, score.abstained, score.confidence) == (None, True, 1.0)
