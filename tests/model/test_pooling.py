"""Segments become tracks by averaging their probabilities."""

import numpy as np

from genre_batch.model.pooling import pool


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
