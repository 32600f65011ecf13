"""Probabilities that mean what they say: one temperature over the logits (Guo et al. 2017, section 4.2)."""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Floats = npt.NDArray[np.float32]


class Calibration(BaseModel):
    """The logits are divided by `temperature`; 1 leaves the network's own confidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    temperature: FiniteFloat = Field(default=1.0, gt=0)


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities [n, g] float32 of `logits` [n, g]; each row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    log_probabilities: npt.NDArray[np.float64] = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    probabilities: Floats = np.exp(log_probabilities).astype(np.float32)
    return probabilities
