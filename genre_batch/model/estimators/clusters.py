"""k-means without labels; each cluster answers with the genres of its segments: an unsupervised baseline."""

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from pydantic import PositiveInt

from genre_batch.features.segments import Segments
from genre_batch.model.estimators.arrays import damaged, load_arrays, save_arrays
from genre_batch.model.estimators.estimator import Doubles, EstimatorSettings, as_vectors
from genre_batch.model.scores import Floats, Labels

_RESTARTS = 10
_SUM_TOLERANCE = 1e-4


class ClustersSettings(EstimatorSettings):
    """k-means without labels, each cluster then named after the genres of its segments: an unsupervised baseline."""

    name: Literal["clusters"] = "clusters"
    clusters: PositiveInt = 10

    @property
    def least_segments(self) -> int:
        """As in `EstimatorSettings`."""
        return self.clusters

    def fit(self, segments: Segments, labels: Labels, n_genres: int, seed: int) -> "Clusters":
        """As in `EstimatorSettings`: `labels` only name the clusters. The best of ten starts is taken."""
        from sklearn.cluster import KMeans

        vectors = as_vectors(segments)
        found = KMeans(self.clusters, n_init=_RESTARTS, random_state=seed).fit(vectors)
        centres = found.cluster_centers_.astype(np.float32)
        counts = np.zeros((self.clusters, n_genres))
        np.add.at(counts, (_nearest(vectors, centres), labels), 1)
        return Clusters(centres, _log_shares(counts))

    def load(self, weights: bytes, segment_shape: tuple[int, int], n_genres: int) -> "Clusters":
        """As in `EstimatorSettings`."""
        shapes = {"centres": (self.clusters, prod(segment_shape)), "answers": (self.clusters, n_genres)}
        arrays = load_arrays(weights, shapes)
        answers = arrays["answers"]
        if np.abs(np.exp(np.minimum(answers, 1.0)).sum(axis=1) - 1.0).max() > _SUM_TOLERANCE:
            raise damaged("the probabilities of a cluster do not sum to 1")
        return Clusters(arrays["centres"], answers)


@dataclass(frozen=True, slots=True)
class Clusters:
    """centres: [n_clusters, n_values]. answers: [n_clusters, n_genres], the log-probabilities of each cluster."""

    centres: Floats
    answers: Floats

    @property
    def parameters(self) -> int:
        """Numbers in the centres and the answers."""
        return self.centres.size + self.answers.size

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the answer of the cluster whose centre is nearest."""
        answers: Floats = self.answers[_nearest(as_vectors(segments), self.centres)]
        return answers

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return save_arrays({"centres": self.centres, "answers": self.answers})


def _nearest(vectors: Doubles, centres: Floats) -> Labels:
    """The centre nearest to each of `vectors` [n, n_values], [n]. A matrix product would round by the batch's size."""
    nearest = [np.square(centres - vector).sum(axis=1).argmin() for vector in vectors]
    return np.array(nearest, np.int64)


def _log_shares(counts: Doubles) -> Floats:
    """Log-probabilities of `counts` [n_clusters, n_genres], with one added to each (Laplace smoothing)."""
    seen = counts + 1.0
    answers: Floats = np.log(seen / seen.sum(axis=1, keepdims=True)).astype(np.float32)
    return answers
