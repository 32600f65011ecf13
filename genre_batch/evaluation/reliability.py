"""Whether a confidence means what it says: tracks by confidence, and how often they are right."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]

BINS = 10


class ReliabilityBin(BaseModel):
    """The tracks whose confidence falls into one bin: how many, their mean confidence, and the share that is right."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    confidence: float
    accuracy: float


def reliability(probabilities: Probabilities, labels: Labels, bins: int = BINS) -> list[ReliabilityBin]:
    """The bins of equal width that hold tracks, from the least confidence on.

    probabilities: [n, n_genres]. labels: [n], the true genres. A reliability diagram (Niculescu-Mizil and Caruana,
    "Predicting Good Probabilities With Supervised Learning", ICML 2005) shows them.
    """
    return list(_bins(probabilities, labels, bins))


def calibration_error(diagram: list[ReliabilityBin]) -> float:
    """The expected calibration error: the mean gap between confidence and accuracy, weighted by tracks.

    The measure of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    tracks = sum(each.tracks for each in diagram)
    return sum(each.tracks * abs(each.accuracy - each.confidence) for each in diagram) / tracks


def _bins(probabilities: Probabilities, labels: Labels, bins: int) -> Iterator[ReliabilityBin]:
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    for number in np.unique(which):
        inside = which == number
        yield ReliabilityBin(
            tracks=int(inside.sum()), confidence=float(confidence[inside].mean()), accuracy=float(right[inside].mean())
        )
