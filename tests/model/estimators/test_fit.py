"""Every estimator learns what can be learned, and always the same."""

import numpy as np
import pytest
from separable import COLUMNS, GENRES, ROWS, separable

from genre_batch.errors import UsageError
from genre_batch.model.architecture import (
    ClustersSettings,
    Estimator,
    ForestSettings,
    GaussianNeighboursSettings,
    NeighboursSettings,
    SvmSettings,
)
from genre_batch.model.estimators.fit import fit_estimator

ALL = [
    ForestSettings(trees=10),
    SvmSettings(),
    SvmSettings(c=10.0, gamma=0.001),
    NeighboursSettings(),
    ClustersSettings(clusters=6),
    GaussianNeighboursSettings(),
]


def _name(settings: Estimator) -> str:
    return settings.name


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_it_answers_new_segments_rightly(settings: Estimator) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    segments, labels = separable(seed=1)
    answers = estimator.log_probabilities(segments)
    assert (answers.dtype, answers.shape) == (np.float32, (90, GENRES))
    assert (answers.argmax(axis=1) == labels).mean() > 0.97


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_the_answers_are_probabilities_even_of_genres_never_seen_and_far_away(settings: Estimator) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    segments = np.concatenate([separable(seed=2)[0], np.full((1, ROWS, COLUMNS), 6e4, np.float16)])
    answers = estimator.log_probabilities(segments)
    assert np.isfinite(answers).all()
    probabilities = np.exp(answers.astype(np.float64))
    assert np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert probabilities[:, [1, 3]].max() < 0.1
    assert estimator.log_probabilities(segments[:0]).shape == (0, GENRES)


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_an_answer_does_not_depend_on_the_other_segments(settings: Estimator) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    segments, _ = separable(37, seed=3)
    together = estimator.log_probabilities(segments)
    alone = np.concatenate([estimator.log_probabilities(segment[None]) for segment in segments])
    order = np.random.default_rng(0).permutation(len(segments))
    assert np.array_equal(together, alone)
    assert np.array_equal(together[order], estimator.log_probabilities(segments[order]))


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_the_same_seed_gives_the_same_bytes(settings: Estimator) -> None:
    first, second = (fit_estimator(settings, *separable(), GENRES, seed=4).weights() for _ in range(2))
    assert first == second


def test_another_seed_gives_another_forest() -> None:
    forests = [fit_estimator(ForestSettings(trees=5), *separable(), GENRES, seed=seed) for seed in (0, 1)]
    assert forests[0].weights() != forests[1].weights()


def test_one_genre_is_nothing_to_learn() -> None:
    segments, labels = separable()
    with pytest.raises(UsageError, match="of one genre"):
        fit_estimator(SvmSettings(), segments[labels == 2], labels[labels == 2], GENRES, seed=0)


@pytest.mark.parametrize(
    "settings", [NeighboursSettings(k=10), GaussianNeighboursSettings(k=10), ClustersSettings(clusters=10)], ids=_name
)
def test_fewer_segments_than_are_needed(settings: Estimator) -> None:
    with pytest.raises(UsageError, match="9 training segments are fewer than 10"):
        fit_estimator(settings, *separable(9), GENRES, seed=0)
