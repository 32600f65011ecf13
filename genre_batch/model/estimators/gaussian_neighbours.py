"""The nearest segments under a distance of distributions: seed 003's classifier.

A segment is the Gaussian of its frames: their mean and covariance. The distance of two is the Kullback-Leibler
divergence from one to the other and back (Mandel and Ellis, "Song-level features and support vector machines for music
classification", ISMIR 2005).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from genre_batch.errors import UsageError
from genre_batch.features.front_end import Segments
from genre_batch.model.architecture import GaussianNeighboursSettings
from genre_batch.model.calibration import Floats
from genre_batch.model.estimators.arrays import damaged, load_arrays, save_arrays
from genre_batch.model.estimators.estimator import Doubles, Labels, doubtful

_FLOOR = 1e-4
"""Of the mean variance, added to each variance: without it frames that repeat have no inverse covariance."""

_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class GaussianNeighbours:
    """The training segments: means [m, rows], covariances [m, rows, rows] and labels [m]."""

    k: int
    n_genres: int
    means: Floats
    covariances: Floats
    labels: Labels

    @classmethod
    def fit(cls, settings: GaussianNeighboursSettings, segments: Segments, labels: Labels, n_genres: int) -> Self:
        """All of `segments` [m, rows, frames]; raises UsageError where they have one frame."""
        if segments.shape[2] < 2:
            raise UsageError("a Gaussian needs segments of many frames", "use the front end mfcc or log_mel")
        gaussians = [gaussian(segment) for segment in segments]
        means = np.stack([mean for mean, _ in gaussians]).astype(np.float32)
        covariances = np.stack([covariance for _, covariance in gaussians]).astype(np.float32)
        return cls(settings.k, n_genres, means, covariances, labels)

    @classmethod
    def load(cls, settings: GaussianNeighboursSettings, weights: bytes, rows: int, n_genres: int) -> Self:
        """The segments that `weights` holds. Raises UsageError where it holds something else."""
        shapes = {"means": (None, rows), "covariances": (None, rows, rows), "labels": (None,)}
        arrays = load_arrays(weights, shapes)
        labels = arrays["labels"]
        if len({len(array) for array in arrays.values()}) > 1 or len(labels) < settings.k:
            raise damaged("its arrays are not of one length, or fewer than k")
        if labels.dtype != np.int64 or not ((labels >= 0) & (labels < n_genres)).all():
            raise damaged("a label is none of the taxonomy")
        loaded = cls(settings.k, n_genres, arrays["means"], arrays["covariances"], labels.astype(np.int64))
        try:
            np.linalg.cholesky(loaded.covariances.astype(np.float64))
        except np.linalg.LinAlgError as error:
            raise damaged("a covariance is not positive definite") from error
        return loaded

    @property
    def parameters(self) -> int:
        """Numbers in the means, in one half of the covariances with their diagonal, and in the labels."""
        m, rows = self.means.shape
        return int(m * (rows + rows * (rows + 1) // 2 + 1))

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the shares of the genres among the k nearest."""
        shares = np.zeros((len(segments), self.n_genres))
        for share, segment in zip(shares, segments, strict=True):
            nearest = np.argsort(self.distances(*gaussian(segment)), kind="stable")[: self.k]
            np.add.at(share, self.labels[nearest], 1.0 / self.k)
        return doubtful(shares, self.k)

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return save_arrays({"means": self.means, "covariances": self.covariances, "labels": self.labels})

    def distances(self, mean: Doubles, covariance: Doubles) -> Doubles:
        """KL(a, b) + KL(b, a), [m], of the Gaussian with `mean` [rows] and `covariance` [rows, rows] to all kept ones.

        The logarithms of the determinants cancel. The trace of a product of two symmetric matrices is the sum of their
        products by element.
        """
        kept, rows = self._spread, len(mean)
        inverse = np.linalg.inv(covariance)
        traces = kept.inverses @ covariance.ravel() + kept.covariances @ inverse.ravel()
        offsets = mean - kept.means
        both = kept.inverses.reshape(-1, rows, rows) + inverse
        shifts = np.einsum("mi,mij,mj->m", offsets, both, offsets, optimize=False)
        distances: Doubles = 0.5 * (traces + shifts) - rows
        return distances

    @cached_property
    def _spread(self) -> "_Spread":
        covariances = self.covariances.astype(np.float64)
        m, rows = self.means.shape
        inverses = np.linalg.inv(covariances).astype(np.float64).reshape(m, rows * rows)
        return _Spread(self.means.astype(np.float64), covariances.reshape(m, rows * rows), inverses)


@dataclass(frozen=True, slots=True)
class _Spread:
    """The kept Gaussians in double precision, with matrices as rows: what a distance is computed from."""

    means: Doubles
    covariances: Doubles
    inverses: Doubles


def gaussian(segment: Segments) -> tuple[Doubles, Doubles]:
    """Mean [rows] and covariance [rows, rows] of the frames of `segment` [rows, frames], kept away from singular."""
    frames = segment.astype(np.float64)
    covariance = np.atleast_2d(np.cov(frames))
    floor = _FLOOR * np.trace(covariance) / len(frames) + _LEAST_VARIANCE
    return frames.mean(axis=1), covariance + floor * np.eye(len(frames))
