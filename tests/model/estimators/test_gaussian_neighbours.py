"""The distance of two Gaussians, and the nearest segments under it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, kl_divergence

from genre_batch.errors import UsageError
from genre_batch.model.architecture import GaussianNeighboursSettings
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighbours, gaussian

K1 = GaussianNeighboursSettings(k=1)


def _segments(n: int, rows: int, frames: int, seed: int) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float32]]":
    random = np.random.default_rng(seed)
    mixing = random.standard_normal((n, rows, rows))
    values = mixing @ random.standard_normal((n, rows, frames)) + random.standard_normal((n, rows, 1))
    return values.astype(np.float32)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_the_distance_is_the_divergence_there_and_back(seed: int, rows: int) -> None:
    segments = _segments(4, rows, 200, seed)
    model = GaussianNeighbours.fit(K1, segments[:3], np.array([0, 1, 1]), 2)
    mean, covariance = gaussian(segments[3])
    query = MultivariateNormal(torch.from_numpy(mean), torch.from_numpy(covariance))
    kept = [MultivariateNormal(*map(torch.from_numpy, gaussian(segment))) for segment in segments[:3]]
    expected = [float(kl_divergence(query, one) + kl_divergence(one, query)) for one in kept]
    assert np.allclose(model.distances(mean, covariance), expected, rtol=1e-3)


def test_the_nearest_to_a_segment_is_itself() -> None:
    segments = _segments(20, 5, 100, seed=0)
    model = GaussianNeighbours.fit(K1, segments, np.arange(20), 20)
    assert np.array_equal(model.log_probabilities(segments).argmax(axis=1), np.arange(20))


def test_seed_003_would_find_a_genre_by_its_covariance_alone() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    noise = random.standard_normal((40, 2, 500))
    noise[:, 1] = np.where(labels == 1, 0.9, -0.9)[:, None] * noise[:, 0] + 0.3 * noise[:, 1]
    model = GaussianNeighbours.fit(GaussianNeighboursSettings(k=5), noise[:20], labels[:20], 2)
    assert np.array_equal(model.log_probabilities(noise[20:]).argmax(axis=1), labels[20:])


def test_frames_that_repeat_or_never_change_have_a_finite_distance() -> None:
    still = np.ones((3, 4, 50), np.float16)
    still[1, :, ::2] = 2.0
    model = GaussianNeighbours.fit(
        K1, np.concatenate([still, _segments(5, 4, 50, 0).astype(np.float16)]), np.arange(8), 8
    )
    loaded = GaussianNeighbours.load(K1, model.weights(), 4, 8)
    assert np.isfinite(loaded.log_probabilities(still)).all()
    assert loaded.log_probabilities(still).argmax(axis=1).tolist() == [0, 1, 0]


def test_one_frame_has_no_covariance() -> None:
    with pytest.raises(UsageError, match="many frames"):
        GaussianNeighbours.fit(K1, np.ones((3, 57, 1), np.float32), np.array([0, 1, 1]), 2)
