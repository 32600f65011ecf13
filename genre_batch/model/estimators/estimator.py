"""What every estimator can do, whatever library fitted it."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from genre_batch.features.front_end import Segments
from genre_batch.model.calibration import Floats

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


class Estimator(Protocol):
    """A classifier that was fitted once. The answer to a segment does not depend on the others of the call."""

    @property
    def parameters(self) -> int:
        """How many numbers it keeps to answer with."""

    def log_probabilities(self, segments: Segments) -> Floats:
        """[n, n_genres] float32, finite, for `segments` [n, rows, columns]; each row's exponentials sum to 1."""

    def weights(self) -> bytes:
        """The file that `load_estimator` reads: the same bytes for the same fit."""


def flat(segments: Segments) -> Doubles:
    """`segments` [n, rows, columns] as vectors [n, rows * columns] float64."""
    return segments.reshape(len(segments), segments.shape[1] * segments.shape[2]).astype(np.float64)


def doubtful(shares: Doubles, votes: float) -> Floats:
    """Log-probabilities [n, n_genres] float32 of the `shares` [n, n_genres] that each genre has of `votes` votes.

    One more vote is divided among all genres (Lidstone's smoothing), so that no genre is impossible: not one that few
    neighbours have, and not one that the training never saw.
    """
    n_genres = shares.shape[1]
    log_probabilities: Floats = np.log((votes * shares + 1.0 / n_genres) / (votes + 1.0)).astype(np.float32)
    return log_probabilities
