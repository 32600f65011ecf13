"""Taxonomy, softmax, pooling and abstention."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import softmax as scipy_softmax

from genre_batch.model.scores import Calibration, Taxonomy, pool, pooled_answers, softmax, to_score


def test_the_order_is_kept() -> None:
    assert Taxonomy(genres=["rock", "blues"]).genres == ["rock", "blues"]


@pytest.mark.parametrize("genres", [["rock"], ["rock", "blues", "rock"], ["rock", ""]], ids=str)
def test_a_single_genre_a_duplicate_or_an_empty_name_is_refused(genres: list[str]) -> None:
    with pytest.raises(ValidationError):
        Taxonomy(genres=genres)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_softmax_equals_scipys(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 10, (50, 8)).astype(np.float32)
    result = softmax(logits, temperature)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, scipy_softmax(logits / temperature, axis=1), rtol=1e-5, atol=1e-30)


def test_softmax_of_huge_logits_does_not_overflow() -> None:
    np.testing.assert_allclose(softmax(np.array([[3e38, -3e38, 3e38]], np.float32)), [[0.5, 0.0, 0.5]])


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        Calibration(temperature=temperature)


def test_each_track_gets_the_mean_of_its_segments() -> None:
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8], [0.0, 1.0]], np.float32)
    pooled = pool(probabilities, np.array([0, 2, 2, 2], np.int32), 3)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled[[0, 2]], [[0.5, 0.5], [0.4, 0.6]], rtol=1e-6)


def test_a_track_without_segments_gets_nan_and_no_warning() -> None:
    pooled = pool(np.array([[0.5, 0.5]], np.float32), np.array([1], np.int32), 3)
    assert np.isnan(pooled[[0, 2]]).all()
    assert np.isfinite(pooled[1]).all()


def test_no_segments_at_all() -> None:
    assert pool(np.empty((0, 4), np.float32), np.empty(0, np.int32), 2).shape == (2, 4)


def test_sums_stay_at_one_over_many_segments() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(10), 50_000).astype(np.float32)
    pooled = pool(probabilities, np.zeros(50_000, np.int32), 1)
    np.testing.assert_allclose(pooled.sum(), 1.0, atol=1e-6)


def test_the_neighbours_of_a_track_do_not_change_its_bits() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(10), 30).astype(np.float32)
    rows = np.repeat(np.arange(3, dtype=np.int32), 10)
    together = pool(probabilities, rows, 3)
    np.testing.assert_array_equal(together[1:2], pool(probabilities[10:20], np.zeros(10, np.int32), 1))


def test_without_a_loudness_answers_are_mean_probabilities() -> None:
    logits = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
    rows = np.array([0, 0, 1, 1, 1, 3], np.int32)
    np.testing.assert_array_equal(pooled_answers(logits, None, rows, 4, 0.7), pool(softmax(logits, 0.7), rows, 4))


def test_logits_count_by_their_loudness() -> None:
    logits = np.array([[4.0, 0.0], [0.0, 1.0], [2.0, 2.0]], np.float32)
    rows, loudness = np.array([0, 0, 2], np.int32), np.array([1.0, 3.0, 0.5], np.float32)
    found = pooled_answers(logits, loudness, rows, 3, 0.5)
    np.testing.assert_allclose(found[0], softmax(np.array([[1.0, 0.75]], np.float32), 0.5)[0], rtol=1e-6)
    np.testing.assert_allclose(found[2], [0.5, 0.5])
    assert np.isnan(found[1]).all()
    alone = pooled_answers(logits[2:], loudness[2:], np.zeros(1, np.int32), 1, 0.5)
    np.testing.assert_array_equal(found[2:], alone)


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


@pytest.mark.parametrize(("in_scope", "genre"), [(0.02, None), (0.05, "pop"), (None, "pop")])
def test_the_model_abstains_on_what_is_out_of_scope(in_scope: float | None, genre: str | None) -> None:
    found = probabilities(0.25, 0.125, 0.5, 0.125)
    score = to_score(found, TAXONOMY, {}, segments=1, in_scope=in_scope, min_in_scope=0.05)
    assert (score.genre, score.abstained, score.confidence, score.in_scope) == (genre, genre is None, 0.5, in_scope)


def test_thresholds_of_other_genres_do_not_matter() -> None:
    assert to_score(probabilities(0.25, 0.125, 0.5, 0.125), TAXONOMY, {"blues": 1.0}, segments=1).genre == "pop"


@pytest.mark.parametrize(
    "wrong",
    [(0.5, 0.5, 0.5, 0.5), (np.nan, 0.5, 0.25, 0.25), (np.inf, 0, 0, 0), (0.25, 0.25, 0.25, 0.2498)],
    ids=str,
)
def test_numbers_that_are_not_probabilities_are_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        to_score(probabilities(*wrong), TAXONOMY, {}, segments=1)


def test_a_threshold_of_one_is_never_reached() -> None:
    certain = np.array([1.0, 0.0], np.float32)
    score = to_score(certain, Taxonomy(genres=["blues", "jazz"]), {"blues": 1.0}, segments=1)
    assert (score.genre, score.abstained, score.confidence) == (None, True, 1.0)


def test_tracks_without_segments_have_no_answer_however_they_are_pooled() -> None:
    none, rows = np.zeros((0, 3), np.float32), np.zeros(0, np.int32)
    for loudness in (None, np.zeros(0, np.float32)):
        assert np.isnan(pooled_answers(none, loudness, rows, 2, 1.0)).all()
