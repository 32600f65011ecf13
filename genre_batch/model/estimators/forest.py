"""A random forest on the values of a segment."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import PositiveInt

from genre_batch.features.segments import Segments
from genre_batch.model.classifier import FileName
from genre_batch.model.estimators.estimator import EstimatorSettings, as_vectors, smoothed_log_shares
from genre_batch.model.estimators.fitted_state import check_classes, checking, demand, is_array
from genre_batch.model.estimators.skops_archive import FOREST, dump_model, load_model
from genre_batch.model.scores import Floats, Labels

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree._tree import Tree

_NUMBERS_PER_NODE = 4
"""Feature, threshold and two children, besides the shares of the classes."""


class ForestSettings(EstimatorSettings):
    """A random forest (scikit-learn) with bootstrap samples."""

    weight_files: ClassVar[tuple[FileName, ...]] = ("model.skops",)

    name: Literal["forest"] = "forest"
    trees: PositiveInt = 100
    max_depth: PositiveInt | None = 26

    def fit(self, segments: Segments, labels: Labels, n_genres: int, seed: int) -> "Forest":
        """As in `EstimatorSettings`: trees on bootstrap samples of the segments' values."""
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(self.trees, max_depth=self.max_depth, random_state=seed, n_jobs=1)
        return Forest(model.fit(as_vectors(segments), labels), n_genres)

    def load(self, weights: bytes, segment_shape: tuple[int, int], n_genres: int) -> "Forest":
        """As in `EstimatorSettings`: each tree must lead downwards to a leaf."""
        model = load_model(weights, FOREST)
        with checking():
            _check(model, self, prod(segment_shape), n_genres)
        return Forest(model, n_genres)


@dataclass(frozen=True, slots=True)
class Forest:
    """scikit-learn's forest, whose classes are indices below `n_genres`."""

    model: "RandomForestClassifier"
    n_genres: int

    @property
    def parameters(self) -> int:
        """Numbers in the nodes of all trees."""
        numbers = _NUMBERS_PER_NODE + len(self.model.classes_)
        return sum(int(tree.tree_.node_count) * numbers for tree in self.model.estimators_)

    def log_probabilities(self, segments: Segments) -> Floats:
        """As in `Estimator`: the mean of the trees' answers."""
        shares = np.zeros((len(segments), self.n_genres))
        if len(segments):
            shares[:, self.model.classes_] = self.model.predict_proba(as_vectors(segments))
        return smoothed_log_shares(shares, len(self.model.estimators_))

    def weights(self) -> bytes:
        """As in `Estimator`."""
        return dump_model(self.model)


def _check(forest: "RandomForestClassifier", settings: ForestSettings, n_values: int, n_genres: int) -> None:
    classes = check_classes(vars(forest), n_values, n_genres)
    trees = forest.estimators_
    demand(forest.n_jobs == 1 and forest.n_outputs_ == 1 and forest.n_classes_ == classes, "kind")
    demand(type(trees) is list and len(trees) == forest.n_estimators == settings.trees, "number of trees")
    for tree in trees:
        demand(tree.n_outputs_ == 1 and tree.n_classes_ == classes and tree.n_features_in_ == n_values, "trees")
        _check_tree(tree.tree_, n_values, classes)


def _check_tree(tree: "Tree", n_values: int, classes: int) -> None:
    left, right, place = tree.children_left, tree.children_right, np.arange(tree.node_count)
    demand(len(place) > 0 and tree.n_features == n_values and tree.n_outputs == 1, "trees")
    demand(is_array(tree.value, np.float64, len(place), 1, classes), "trees")
    leaf = (left == -1) & (right == -1)
    onward = (left > place) & (left < len(place)) & (right > place) & (right < len(place))
    known = (tree.feature >= 0) & (tree.feature < n_values)
    demand((leaf | onward & known).all(), "trees")
    shares = tree.value[leaf, 0]
    demand((shares >= 0.0).all() and np.allclose(shares.sum(axis=1), 1.0), "trees")
