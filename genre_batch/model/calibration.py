"""Probabilities that mean what they say: one temperature over the logits (Guo et al. 2017, section 4.2)."""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Floats = npt.NDArray[np.float32]

_LOG_RANGE = (np.log(0.05), np.log(20.0))
_STEPS = 60
_GOLDEN_RATIO = (np.sqrt(5.0) - 1.0) / 2.0


class Calibration(BaseModel):
    """The logits are divided by `temperature`; 1 leaves the network's own confidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    temperature: FiniteFloat = Field(default=1.0, gt=0)


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities [n, g] float32 of `logits` [n, g]; each row sums to 1."""
    return np.exp(_log_softmax(logits, temperature)).astype(np.float32)


def log_loss(logits: Floats, labels: npt.NDArray[np.intp], temperature: float) -> float:
    """Mean negative log probability, in nats, of the true `labels` [n] under `logits` [n, g]."""
    log_probabilities = _log_softmax(logits, temperature)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: Floats, labels: npt.NDArray[np.intp]) -> Calibration:
    """The temperature in 0.05..20 of least log loss; give it rows the network was not trained on.

    Golden-section search on its logarithm: the loss is convex in 1 / temperature, so it has a single minimum.
    """
    low, high = _LOG_RANGE
    for _ in range(_STEPS):
        left, right = high - _GOLDEN_RATIO * (high - low), low + _GOLDEN_RATIO * (high - low)
        if log_loss(logits, labels, np.exp(left)) < log_loss(logits, labels, np.exp(right)):
            high = right
        else:
            low = left
    return Calibration(temperature=float(np.exp((low + high) / 2.0)))


def _log_softmax(logits: Floats, temperature: float) -> npt.NDArray[np.float64]:
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    result: npt.NDArray[np.float64] = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return result
