"""The nearest segments under a distance between distributions.

The classifier of the reference project in "Music Genre Classification using Deep Learning" (Purohit et al.). A segment
is represented by the Gaussian of its frames: their mean and covariance. The distance between two is the sum of the
Kullback-Leibler divergences in both directions (Mandel and Ellis, "Song-level features and support vector machines for
music classification", ISMIR 2005).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import PositiveInt

from genre_batch.errors import UsageError
from genre_batch.features.segments import Segments
from genre_batch.model.estimators.arrays import damaged, load_arrays, save_arrays
from genre_batch.model.estimators.estimator import Doubles, EstimatorSettings, smoothed_log_shares
from genre_batch.model.scores import Floats, Labels

_FLOOR = 1e-4
"""The share of the mean variance that is added to each variance: repeated frames would have a singular covariance."""

_LEAST_VARIANCE = 1e-6


class GaussianNeighboursSettings(EstimatorSettings):
    """The k nearest neighbours under the symmetrised Kullback-Leibler distance of Gaussians fitted to MFCC frames."""

    name: Literal["gaussian_neighbours"] = "gaussian_neighbours"
    k: PositiveInt = 5

    @property
    def least_segments(self) -> int:
        """As in `EstimatorSettings`."""
        return self.k

    def fit(self, segments: Segments, labels: Labels, n_genres: int, seed: int) -> "GaussianNeighbours":  # noqa: ARG002
        """As in `EstimatorSettings`: all segments are stored. Raises UsageError if a segment has a single frame."""
        if segments.shape[2] < 2:
            raise UsageError("a Gaussian needs segments of many frames", "use the front end mfcc or log_mel")
        gaussians = [gaussian(segment) for segment in segments]
        means = np.stack([mean for mean, _ in gaussians]).astype(np.float32)
        covariances = np.stack([covariance for _, covariance in gaussians]).astype(np.float32)
        return GaussianNeighbours(self.k, n_genres, means, covariances, labels)

    def load(self, weights: bytes, segment_shape: tuple[int, int], n_genres: int) -> "GaussianNeighbours":
        """As in `EstimatorSettings`: covariances must be positive definite."""
        rows, _ = segment_shape
        shapes = {"means": (None, rows), "covariances": (None, rows, rows), "labels": (None,)}
        arrays = load_arrays(weights, shapes)
        labels = arrays["labels"]
        if len({len(array) for array in arrays.values()}) > 1 or len(labels) < self.k:
            raise damaged("its arrays differ in length, or hold fewer than k segments")
        if labels.dtype != np.int64 or not ((labels >= 0) & (labels < n_genres)).all():
            raise damaged("a label is not in the taxonomy")
        covariances = arrays["covariances"]
        try:
            np.linalg.cholesky(covariances.astype(np.float64))
        except np.linalg.LinAlgError as error:
            raise damaged("a covariance is not positive definite") from error
        return GaussianNeighbours(self.k, n_genres, arrays["means"], covariances, labels.astype(np.int64))


@dataclass(frozen=True)
class GaussianNeighbours:
    """The training segments: means [m, rows], covariances [m, rows, rows] and labels [m]."""

    k: int
    n_genres: int
    means: Floats
    covariances: Floats
    labels: Labels

    @property
    def parameters(self) -> int:
        """Numbers in the means, in one triangle of the covariances with the diagonal, and in the labels."""
        m, rows = self.means.shape
        return int(m * (rows + rows * (rows + 1) // 2 + 1))

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the shares of the genres among the k nearest."""
        shares = np.zeros((len(segments), self.n_genres))
        for share, segment in zip(shares, segments, strict=True):
            nearest = np.argsort(self.distances(*gaussian(segment)), kind="stable")[: self.k]
            np.add.at(share, self.labels[nearest], 1.0 / self.k)
        return smoothed_log_shares(shares, self.k)

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return save_arrays({"means": self.means, "covariances": self.covariances, "labels": self.labels})

    def distances(self, mean: Doubles, covariance: Doubles) -> Doubles:
        """KL(a, b) + KL(b, a), [m], between the Gaussian of `mean` [rows] and `covariance` [rows, rows] and all stored.

        The logarithms of the determinants cancel. The trace of a product of two symmetric matrices is the sum of their
        elementwise products.
        """
        stored, rows = self._in_double, len(mean)
        inverse = np.linalg.inv(covariance)
        traces = stored.inverses @ covariance.ravel() + stored.covariances @ inverse.ravel()
        offsets = mean - stored.means
        both = stored.inverses.reshape(-1, rows, rows) + inverse
        shifts = np.einsum("mi,mij,mj->m", offsets, both, offsets, optimize=False)
        distances: Doubles = 0.5 * (traces + shifts) - rows
        return distances

    @cached_property
    def _in_double(self) -> "_InDouble":
        covariances = self.covariances.astype(np.float64)
        m, rows = self.means.shape
        inverses = np.linalg.inv(covariances).astype(np.float64).reshape(m, rows * rows)
        return _InDouble(self.means.astype(np.float64), covariances.reshape(m, rows * rows), inverses)


@dataclass(frozen=True, slots=True)
class _InDouble:
    """The stored Gaussians in double precision, each matrix as a row: what distances are computed from."""

    means: Doubles
    covariances: Doubles
    inverses: Doubles


def gaussian(segment: Segments) -> tuple[Doubles, Doubles]:
    """Mean [rows] and covariance [rows, rows] of the frames of `segment` [rows, frames], kept away from singular."""
    frames = segment.astype(np.float64)
    covariance = np.atleast_2d(np.cov(frames))
    floor = _FLOOR * np.trace(covariance) / len(frames) + _LEAST_VARIANCE
    return frames.mean(axis=1), covariance + floor * np.eye(len(frames))
