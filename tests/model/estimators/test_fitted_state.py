"""Forged state of a fitted classifier."""

import numpy as np
import pytest
from separable import COLUMNS, GENRES, ROWS, separable

from genre_batch.errors import UsageError
from genre_batch.model.estimators.estimator import EstimatorSettings, fit_estimator
from genre_batch.model.estimators.fitted_state import check_classes, checking, is_array
from genre_batch.model.estimators.neighbours import Neighbours, NeighboursSettings
from genre_batch.model.estimators.svm import Svm, SvmSettings

N = ROWS * COLUMNS
FORGED: list[tuple[EstimatorSettings, str, object]] = [
    (SvmSettings(), "_n_support", np.array([90, 90, 90], np.int32)),
    (SvmSettings(), "_n_support", np.array([-90, 90, 90], np.int32)),
    (SvmSettings(), "support_vectors_", np.zeros((3, N))),
    (SvmSettings(), "support_vectors_", np.zeros((3, N), np.float32)),
    (SvmSettings(), "support_", np.zeros(1, np.int32)),
    (SvmSettings(), "_dual_coef_", np.zeros((1, 1))),
    (SvmSettings(), "_intercept_", np.zeros(1)),
    (SvmSettings(), "_probA", np.zeros(1)),
    (SvmSettings(), "_gamma", float("nan")),
    (SvmSettings(), "_gamma", "scale"),
    (SvmSettings(), "kernel", "precomputed"),
    (SvmSettings(), "decision_function_shape", "ovr"),
    (SvmSettings(), "classes_", np.array([0, 2, 99])),
    (SvmSettings(), "classes_", np.array([2, 0, 4])),
    (SvmSettings(), "classes_", ["a", "b", "c"]),
    (NeighboursSettings(), "_y", np.full(90, 3)),
    (NeighboursSettings(), "_y", np.zeros(89, np.int64)),
    (NeighboursSettings(), "_fit_X", np.zeros((90, N - 1))),
    (NeighboursSettings(), "_fit_X", np.full((90, N), np.inf)),
    (NeighboursSettings(), "_fit_method", "kd_tree"),
    (NeighboursSettings(), "effective_metric_", "haversine"),
    (NeighboursSettings(), "n_neighbors", 91),
    (NeighboursSettings(), "n_jobs", 4096),
    (NeighboursSettings(), "n_features_in_", 1 << 40),
    (NeighboursSettings(), "classes_", np.array([0.0, 2.0, 4.0])),
]


@pytest.mark.parametrize(("settings", "name", "value"), FORGED, ids=[f"{s.name}-{n}" for s, n, _ in FORGED])
def test_a_forged_part_is_refused(settings: EstimatorSettings, name: str, value: object) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    assert isinstance(estimator, (Svm, Neighbours))
    assert name in vars(estimator.model)
    vars(estimator.model)[name] = value
    with pytest.raises(UsageError, match="do not fit its architecture"):
        settings.load(estimator.weights(), (ROWS, COLUMNS), GENRES)


def test_a_part_that_is_missing_is_named() -> None:
    estimator = fit_estimator(NeighboursSettings(), *separable(), GENRES, seed=0)
    assert isinstance(estimator, Neighbours)
    del vars(estimator.model)["_fit_X"]
    with pytest.raises(UsageError, match=r"incomplete .*_fit_X"):
        NeighboursSettings().load(estimator.weights(), (ROWS, COLUMNS), GENRES)


def test_classes_are_counted() -> None:
    assert check_classes({"classes_": np.array([0, 3]), "n_features_in_": 7}, 7, 4) == 2


def test_an_array_is_what_it_is_said_to_be() -> None:
    assert is_array(np.ones((2, 3)), np.float64, 2, 3)
    assert not is_array(np.ones((2, 6))[:, ::2], np.float64, 2, 3)
    assert not is_array(np.ones((2, 3)), np.float32, 2, 3)
    assert not is_array([1.0], np.float64, 1)
    assert not is_array(np.array([np.nan]), np.float64, 1)


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(MemoryError), checking():
        raise MemoryError
