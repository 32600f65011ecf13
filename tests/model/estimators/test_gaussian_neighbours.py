"""The distance between two Gaussians, and the nearest segments under it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, kl_divergence

from genre_batch.errors import UsageError
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighboursSettings, gaussian

K1 = GaussianNeighboursSettings(k=1)


def _segments(n: int, rows: int, frames: int, seed: int) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float32]]":
    random = np.random.default_rng(seed)
    mixing = random.standard_normal((n, rows, rows))
    values = mixing @ random.standard_normal((n, rows, frames)) + random.standard_normal((n, rows, 1))
    return values.astype(np.float32)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_the_distance_is_the_sum_of_both_divergences(seed: int, rows: int) -> None:
    segments = _segments(4, rows, 200, seed)
    model = K1.fit(segments[:3], np.array([0, 1, 1]), 2, seed=0)
    mean, covariance = gaussian(segments[3])
    query = MultivariateNormal(torch.from_numpy(mean), torch.from_numpy(covariance))
    kept = [MultivariateNormal(*map(torch.from_numpy, gaussian(segment))) for segment in segments[:3]]
    expected = [float(kl_divergence(query, one) + kl_divergence(one, query)) for one in kept]
    assert np.allclose(model.distances(mean, covariance), expected, rtol=1e-3)


def test_the_nearest_to_a_segment_is_itself() -> None:
    segments = _segments(20, 5, 100, seed=0)
    model = K1.fit(segments, np.arange(20), 20, seed=0)
    assert np.array_equal(model.log_probabilities(segments).argmax(axis=1), np.arange(20))


def test_covariances_alone_tell_genres_apart() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    noise = random.standard_normal((40, 2, 500))
    noise[:, 1] = np.where(labels == 1, 0.9, -0.9)[:, None] * noise[:, 0] + 0.3 * noise[:, 1]
    model = GaussianNeighboursSettings(k=5).fit(noise[:20], labels[:20], 2, seed=0)
    assert np.array_equal(model.log_probabilities(noise[20:]).argmax(axis=1), labels[20:])


def test_repeated_and_constant_frames_have_a_finite_distance() -> None:
    still = np.ones((3, 4, 50), np.float16)
    still[1, :, ::2] = 2.0
    model = K1.fit(np.concatenate([still, _segments(5, 4, 50, 0).astype(np.float16)]), np.arange(8), 8, seed=0)
    loaded = K1.load(model.weights(), (4, 1), 8)
    assert np.isfinite(loaded.log_probabilities(still)).all()
    assert loaded.log_probabilities(still).argmax(axis=1).tolist() == [0, 1, 0]


def test_one_frame_has_no_covariance() -> None:
    with pytest.raises(UsageError, match="many frames"):
        K1.fit(np.ones((3, 57, 1), np.float32), np.array([0, 1, 1]), 2, seed=0)
