"""The k nearest training segments in Euclidean distance."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import PositiveInt

from genre_batch.features.segments import Segments
from genre_batch.model.classifier import FileName
from genre_batch.model.estimators.estimator import EstimatorSettings, as_vectors, smoothed_log_shares
from genre_batch.model.estimators.fitted_state import check_classes, checking, demand, is_array
from genre_batch.model.estimators.skops_archive import NEIGHBOURS, dump_model, load_model
from genre_batch.model.scores import Floats, Labels

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier


class NeighboursSettings(EstimatorSettings):
    """The k nearest neighbours in Euclidean distance (scikit-learn)."""

    weight_files: ClassVar[tuple[FileName, ...]] = ("model.skops",)

    name: Literal["neighbours"] = "neighbours"
    k: PositiveInt = 5

    @property
    def least_segments(self) -> int:
        """As in `EstimatorSettings`."""
        return self.k

    def fit(self, segments: Segments, labels: Labels, n_genres: int, seed: int) -> "Neighbours":  # noqa: ARG002
        """As in `EstimatorSettings`: all segments are stored.

        Without a search tree: among tens of values it saves little, and its compiled code trusts a loaded tree.
        """
        from sklearn.neighbors import KNeighborsClassifier

        model = KNeighborsClassifier(self.k, algorithm="brute", metric="euclidean", n_jobs=1)
        return Neighbours(model.fit(as_vectors(segments), labels), n_genres)

    def load(self, weights: bytes, segment_shape: tuple[int, int], n_genres: int) -> "Neighbours":
        """As in `EstimatorSettings`: there must be at least `k` segments, each with a class."""
        model = load_model(weights, NEIGHBOURS)
        with checking():
            _check(model, self, prod(segment_shape), n_genres)
        return Neighbours(model, n_genres)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """scikit-learn's neighbours, whose classes are indices below `n_genres`."""

    model: "KNeighborsClassifier"
    n_genres: int

    @property
    def parameters(self) -> int:
        """Numbers in the stored segments and their labels."""
        return int(self.model.n_samples_fit_ * (self.model.n_features_in_ + 1))

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the shares of the genres among the k nearest.

        One segment at a time: scikit-learn computes many distances by a matrix product, whose rounding depends on its
        size.
        """
        shares = np.zeros((len(segments), self.n_genres))
        for share, vector in zip(shares, as_vectors(segments), strict=True):
            share[self.model.classes_] = self.model.predict_proba(vector[None])[0]
        return smoothed_log_shares(shares, self.model.n_neighbors)

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return dump_model(self.model)


def _check(model: "KNeighborsClassifier", settings: NeighboursSettings, n_values: int, n_genres: int) -> None:
    state = vars(model)
    classes, stored, labels = check_classes(state, n_values, n_genres), len(state["_fit_X"]), state["_y"]
    demand(model.algorithm == "brute" and state["_fit_method"] == "brute" and state["_tree"] is None, "search")
    demand(model.metric == "euclidean" and model.effective_metric_ == "euclidean", "distance")
    demand(model.effective_metric_params_ == {} and model.weights == "uniform" and model.n_jobs == 1, "distance")
    demand(model.n_neighbors == settings.k <= stored == model.n_samples_fit_, "number of segments")
    demand(is_array(state["_fit_X"], np.float64, stored, n_values) and model.outputs_2d_ is False, "segments")
    demand(is_array(labels, np.int64, stored) and labels.min() >= 0 and labels.max() < classes, "labels")
