"""k-means without labels, each cluster then answered with the genres of its segments: an unsupervised baseline."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from genre_batch.features.front_end import Segments
from genre_batch.model.architecture import ClustersSettings
from genre_batch.model.calibration import Floats
from genre_batch.model.estimators.arrays import damaged, load_arrays, save_arrays
from genre_batch.model.estimators.estimator import Doubles, Labels, flat

_RESTARTS = 10
_SUM_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Clusters:
    """centres: [n_clusters, n_values]. answers: [n_clusters, n_genres], the log-probabilities of each cluster."""

    centres: Floats
    answers: Floats

    @classmethod
    def fit(cls, settings: ClustersSettings, segments: Segments, labels: Labels, n_genres: int, seed: int) -> Self:
        """Clusters of `segments` [n, rows, columns]; `labels` [n] only name them. The best of ten starts is taken."""
        from sklearn.cluster import KMeans

        vectors = flat(segments)
        found = KMeans(settings.clusters, n_init=_RESTARTS, random_state=seed).fit(vectors)
        centres = found.cluster_centers_.astype(np.float32)
        counts = np.zeros((settings.clusters, n_genres))
        np.add.at(counts, (_nearest(vectors, centres), labels), 1)
        return cls(centres, _laplace(counts))

    @classmethod
    def load(cls, settings: ClustersSettings, weights: bytes, n_values: int, n_genres: int) -> Self:
        """The clusters that `weights` holds. Raises UsageError where it holds something else."""
        shapes = {"centres": (settings.clusters, n_values), "answers": (settings.clusters, n_genres)}
        arrays = load_arrays(weights, shapes)
        answers = arrays["answers"]
        if np.abs(np.exp(np.minimum(answers, 1.0)).sum(axis=1) - 1.0).max() > _SUM_TOLERANCE:
            raise damaged("the probabilities of a cluster do not sum to 1")
        return cls(arrays["centres"], answers)

    @property
    def parameters(self) -> int:
        """Numbers in the centres and the answers."""
        return self.centres.size + self.answers.size

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the answer of the cluster whose centre is nearest."""
        answers: Floats = self.answers[_nearest(flat(segments), self.centres)]
        return answers

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return save_arrays({"centres": self.centres, "answers": self.answers})


def _nearest(vectors: Doubles, centres: Floats) -> Labels:
    """The centre next to each of `vectors` [n, n_values], [n]; a matrix product would round by the batch's size."""
    nearest = [np.square(centres - vector).sum(axis=1).argmin() for vector in vectors]
    return np.array(nearest, np.int64)


def _laplace(counts: Doubles) -> Floats:
    """Log-probabilities of `counts` [n_clusters, n_genres], with one more in each."""
    seen = counts + 1.0
    answers: Floats = np.log(seen / seen.sum(axis=1, keepdims=True)).astype(np.float32)
    return answers
