"""What all estimators share: classifiers that are fitted in one step and run without torch."""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genre_batch.errors import UsageError
from genre_batch.features.segments import Segments
from genre_batch.model.classifier import ClassifierSettings
from genre_batch.model.scores import Floats, Labels

Doubles = npt.NDArray[np.float64]


class Estimator(Protocol):
    """A fitted classifier. Its answer to a segment does not depend on the other segments of a call."""

    @property
    def parameters(self) -> int:
        """How many numbers it stores."""

    def log_probabilities(self, segments: Segments) -> Floats:
        """[n, n_genres] float32, finite, for `segments` [n, rows, columns]; each row's exponentials sum to 1."""

    def weights(self) -> bytes:
        """The file that `EstimatorSettings.load` reads: the same bytes for the same fit."""


class EstimatorSettings(ClassifierSettings, ABC):
    """The settings of an estimator, which can fit and load it."""

    @property
    def least_segments(self) -> int:
        """The number of training segments that it needs."""
        return 1

    @abstractmethod
    def fit(self, segments: Segments, labels: Labels, n_genres: int, seed: int) -> Estimator:
        """The estimator fitted to `segments` [n, rows, columns] and their `labels` [n], indices below `n_genres`."""

    @abstractmethod
    def load(self, weights: bytes, segment_shape: tuple[int, int], n_genres: int) -> Estimator:
        """The estimator that `weights` holds, for segments of this shape (rows, columns).

        Nothing is unpickled. Raises UsageError if the weights are damaged, belong to another classifier or other
        segments, or hold a type that no estimator is made of.
        """


def fit_estimator(
    settings: EstimatorSettings, segments: Segments, labels: Labels, n_genres: int, seed: int
) -> Estimator:
    """As `settings.fit`, on one thread, so that the same arguments give the same estimator.

    Raises UsageError if there are fewer than two genres, or fewer segments than the settings need.
    """
    from threadpoolctl import threadpool_limits

    if len(np.unique(labels)) < 2:
        raise UsageError("the training segments are all of one genre", "add tracks of another genre")
    if len(segments) < settings.least_segments:
        raise UsageError(
            f"{len(segments)} training segments are fewer than {settings.least_segments}",
            "add tracks, or ask for fewer",
        )
    with threadpool_limits(1):
        return settings.fit(segments, labels, n_genres, seed)


def as_vectors(segments: Segments) -> Doubles:
    """`segments` [n, rows, columns] as vectors [n, rows * columns] float64."""
    return segments.reshape(len(segments), segments.shape[1] * segments.shape[2]).astype(np.float64)


def smoothed_log_shares(shares: Doubles, votes: float) -> Floats:
    """Log-probabilities [n, n_genres] float32 of the `shares` [n, n_genres] that each genre has of `votes` votes.

    One more vote is divided among all genres (Lidstone smoothing), so that no genre is impossible, even if few
    neighbours or no training segments have it.
    """
    n_genres = shares.shape[1]
    log_probabilities: Floats = np.log((votes * shares + 1.0 / n_genres) / (votes + 1.0)).astype(np.float32)
    return log_probabilities
