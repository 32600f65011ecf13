"""Thresholds reach their target precision, on the tracks they are found on and on others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from genre_batch.model.scores import NEVER, Floats, Labels
from genre_batch.training.thresholds import SURE, fit_thresholds, surely_right


def music(seed: int, n: int, genres: int = 5) -> tuple[Floats, Labels]:
    """Calibrated answers to `n` tracks: each genre is the true one as often as its probability says."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(genres, 0.12), n).astype(np.float32)
    labels = (rng.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return probabilities, np.minimum(labels, genres - 1)


def answered(probabilities: Floats, thresholds: list[float]) -> np.ndarray:
    least = np.array(thresholds)[probabilities.argmax(axis=1)]
    return (probabilities.max(axis=1) >= least) & (least < NEVER)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 120), target=st.floats(0.05, 0.95), coarse=st.booleans())
def test_the_answers_above_the_thresholds_reach_the_target(seed: int, n: int, target: float, coarse: bool) -> None:
    probabilities, labels = music(seed, n, genres=3)
    if coarse:
        probabilities = np.maximum(np.round(probabilities, 1), np.float32(0.01))
    thresholds = fit_thresholds(probabilities, labels, target)
    kept, best = answered(probabilities, thresholds), probabilities.argmax(axis=1)
    right = best == labels
    for genre in range(3):
        given_answers = kept & (best == genre)
        assert not given_answers.any() or right[given_answers].mean() >= target - 1e-9
    if kept.any():
        assert right[kept].mean() >= target - 1e-9
        common = probabilities.max(axis=1) >= min(thresholds)
        assert surely_right(np.array([right[common].sum()]), np.array([common.sum()]))[0] >= target


@pytest.mark.parametrize("target", [0.8, 0.9, 0.95])
def test_a_target_is_reached_on_tracks_that_chose_nothing(target: float) -> None:
    """Of 40 models, each with thresholds from 380 tracks, nine in ten reach it or abstain."""
    reached, shares = 0, []
    for seed in range(40):
        thresholds = fit_thresholds(*music(seed, 380), target)
        probabilities, labels = music(1000 + seed, 10_000)
        kept = answered(probabilities, thresholds)
        reached += not kept.any() or (probabilities.argmax(axis=1) == labels)[kept].mean() >= target
        shares.append(kept.mean())
    assert reached >= 34
    assert np.mean(shares) > 0.25


@pytest.mark.parametrize(("right", "given_answers"), [(0, 5), (1, 1), (7, 9), (40, 40), (270, 300)])
def test_the_bound_is_the_exact_one_of_the_binomial(right: int, given_answers: int) -> None:
    exact = binomtest(right, given_answers, alternative="greater").proportion_ci(SURE, method="exact").low
    bounds = surely_right(np.array([right, 3 * right]), np.array([given_answers, 3 * given_answers]))
    assert bounds[0] == pytest.approx(exact)
    assert bounds[1] >= bounds[0]
    again = surely_right(np.array([3 * right]), np.array([3 * given_answers]), repeats=3)
    assert again[0] == pytest.approx(exact)


def test_a_genre_that_is_worse_has_a_higher_threshold_and_others_share_one() -> None:
    confidence = np.linspace(0.95, 0.55, 100, dtype=np.float32)
    probabilities = np.zeros((300, 3), np.float32)
    for genre in range(3):
        probabilities[genre * 100 : (genre + 1) * 100] = ((1 - confidence) / 2)[:, None]
        probabilities[genre * 100 : (genre + 1) * 100, genre] = confidence
    labels = np.repeat([0, 1, 2], 100)
    labels[240:300] = 0  # of the third genre, the 40 surest are right
    first, second, third = fit_thresholds(probabilities, labels, 0.75)
    assert first == second == pytest.approx(float(confidence[-1]))
    assert third == pytest.approx(float(confidence[52]))  # 40 right of 53
    labels[200:240] = 0
    assert fit_thresholds(probabilities, labels, 0.6)[2] == NEVER


def test_few_examples_prove_nothing() -> None:
    """With n answers, all right, precision is surely 0.1 ** (1 / n): 11 for 0.8, and 22 for 0.9."""
    for n, target in ((11, 0.8), (22, 0.9)):
        probabilities, labels = np.array([[0.9, 0.1]] * n, np.float32), np.zeros(n, np.int64)
        assert fit_thresholds(probabilities, labels, target) == [pytest.approx(0.9)] * 2
        assert fit_thresholds(probabilities[1:], labels[1:], target) == [NEVER, NEVER]


def test_repeated_tracks_add_no_evidence() -> None:
    probabilities, labels = np.array([[0.9, 0.1]] * 10, np.float32), np.zeros(10, np.int64)
    again = np.concatenate([probabilities] * 4), np.concatenate([labels] * 4)
    assert fit_thresholds(*again, 0.85, repeats=4)[0] == NEVER
    assert fit_thresholds(*again, 0.85)[0] != NEVER
