"""The k nearest training segments in Euclidean distance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from genre_batch.features.front_end import Segments
from genre_batch.model.architecture import NeighboursSettings
from genre_batch.model.calibration import Floats
from genre_batch.model.estimators.estimator import Labels, doubtful, flat
from genre_batch.model.estimators.fitted_state import check_classes, checking, demand, is_array
from genre_batch.model.estimators.skops_archive import NEIGHBOURS, dump_model, load_model

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier


@dataclass(frozen=True, slots=True)
class Neighbours:
    """scikit-learn's neighbours, whose classes are indices below `n_genres`."""

    model: "KNeighborsClassifier"
    n_genres: int

    @classmethod
    def fit(cls, settings: NeighboursSettings, segments: Segments, labels: Labels, n_genres: int) -> Self:
        """All of `segments` [n, rows, columns], as vectors, and their `labels` [n].

        Without a search tree: among tens of values it saves little, and its compiled code trusts what is kept of it.
        """
        from sklearn.neighbors import KNeighborsClassifier

        model = KNeighborsClassifier(settings.k, algorithm="brute", metric="euclidean", n_jobs=1)
        return cls(model.fit(flat(segments), labels), n_genres)

    @classmethod
    def load(cls, settings: NeighboursSettings, weights: bytes, n_values: int, n_genres: int) -> Self:
        """The neighbours that `weights` holds. Raises UsageError unless they are `k` at least, each with a class."""
        model = load_model(weights, NEIGHBOURS)
        with checking():
            _check(model, settings, n_values, n_genres)
        return cls(model, n_genres)

    @property
    def parameters(self) -> int:
        """Numbers in the kept segments and their labels."""
        return int(self.model.n_samples_fit_ * (self.model.n_features_in_ + 1))

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the shares of the genres among the k nearest.

        One by one: scikit-learn takes the distances of many from a matrix product, which is rounded by its size.
        """
        shares = np.zeros((len(segments), self.n_genres))
        for share, vector in zip(shares, flat(segments), strict=True):
            share[self.model.classes_] = self.model.predict_proba(vector[None])[0]
        return doubtful(shares, self.model.n_neighbors)

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return dump_model(self.model)


def _check(model: "KNeighborsClassifier", settings: NeighboursSettings, n_values: int, n_genres: int) -> None:
    state = vars(model)
    classes, kept, labels = check_classes(state, n_values, n_genres), len(state["_fit_X"]), state["_y"]
    demand(model.algorithm == "brute" and state["_fit_method"] == "brute" and state["_tree"] is None, "search")
    demand(model.metric == "euclidean" and model.effective_metric_ == "euclidean", "distance")
    demand(model.effective_metric_params_ == {} and model.weights == "uniform" and model.n_jobs == 1, "distance")
    demand(model.n_neighbors == settings.k <= kept == model.n_samples_fit_, "number of segments")
    demand(is_array(state["_fit_X"], np.float64, kept, n_values) and model.outputs_2d_ is False, "segments")
    demand(is_array(labels, np.int64, kept) and labels.min() >= 0 and labels.max() < classes, "labels")
