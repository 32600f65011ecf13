"""How typical a track is, as a share of held-out tracks."""

import numpy as np
import pytest

from genre_batch.model.scope import evidence_of, fit_scope


def held_out() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(4.0, 1.0, 400).astype(np.float32), rng.normal(1.0, 0.2, 400).astype(np.float32)


def test_held_out_tracks_are_spread_evenly_from_0_to_1() -> None:
    scope = fit_scope(*held_out())
    found = scope.in_scope(*held_out())
    np.testing.assert_allclose(np.sort(found), np.linspace(0.0, 1.0, 400), atol=0.01)
    assert found.dtype == np.float32


@pytest.mark.parametrize(("evidence", "distance", "expected"), [(-5.0, 1.0, 0.0), (4.0, 9.0, 0.0), (9.0, 0.1, 1.0)])
def test_little_evidence_or_a_large_distance_is_out_of_scope(evidence: float, distance: float, expected: float) -> None:
    assert fit_scope(*held_out()).in_scope(np.array([evidence]), np.array([distance])).tolist() == [expected]


def test_a_track_has_the_mean_of_its_segments_and_one_without_has_none() -> None:
    scope, rng = fit_scope(*held_out()), np.random.default_rng(1)
    logits, distances = rng.normal(2.0, 1.0, (5, 3)).astype(np.float32), rng.normal(1.0, 0.2, 5).astype(np.float32)
    found = scope.of_tracks(logits, distances, np.array([0, 0, 0, 2, 2], np.int32), 3)
    parts = slice(0, 3), slice(3, 5)
    means = [[evidence_of(logits[part]).mean(), distances[part].mean()] for part in parts]
    np.testing.assert_allclose(found[[0, 2]], scope.in_scope(*np.array(means).T), rtol=1e-4)
    assert np.isnan(found[1])


def test_the_evidence_is_the_logsumexp() -> None:
    found = evidence_of(np.array([[0.0, 0.0], [100.0, -5.0]], np.float32))
    np.testing.assert_allclose(found, [np.log(2.0), 100.0], rtol=1e-6)


def test_tracks_that_are_all_alike_can_be_calibrated_by() -> None:
    scope = fit_scope(np.ones(5, np.float32), np.ones(5, np.float32))
    assert np.isfinite(scope.in_scope(np.array([2.0]), np.array([1.0]))).all()
