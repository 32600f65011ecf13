"""Probabilities, and the temperature that makes them mean what they say."""

import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from genre_batch.model.calibration import Calibration, softmax


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
