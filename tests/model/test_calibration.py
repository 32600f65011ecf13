"""Probabilities, and the temperature that makes them mean what they say."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax

from genre_batch.model.calibration import Calibration, fit_temperature, log_loss, softmax


def overconfident(temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits `temperature` times as large as those the labels were drawn from."""
    random = np.random.default_rng(7)
    logits = random.normal(0.0, 1.5, (20_000, 5))
    labels = np.array([random.choice(5, p=row) for row in scipy_softmax(logits, axis=1)])
    return (logits * temperature).astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_softmax_equals_scipys(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 10, (50, 8)).astype(np.float32)
    result = softmax(logits, temperature)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, scipy_softmax(logits / temperature, axis=1), rtol=1e-5, atol=1e-30)


def test_softmax_of_huge_logits_does_not_overflow() -> None:
    np.testing.assert_allclose(softmax(np.array([[3e38, -3e38, 3e38]], np.float32)), [[0.5, 0.0, 0.5]])


def test_log_loss_is_the_mean_over_rows() -> None:
    logits = np.array([[1.0, 2.0], [0.5, -1.0]], np.float32)
    expected = -(log_softmax(logits / 2.0, axis=1)[[0, 1], [1, 0]]).mean()
    assert log_loss(logits, np.array([1, 0]), 2.0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_the_logits_were_inflated_by(temperature: float) -> None:
    logits, labels = overconfident(temperature)
    fitted = fit_temperature(logits, labels).temperature
    assert fitted == pytest.approx(temperature, rel=0.03)
    best = minimize_scalar(lambda t: log_loss(logits, labels, t), bounds=(0.05, 20.0), method="bounded").x
    assert fitted == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        Calibration(temperature=temperature)
