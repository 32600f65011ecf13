"""A forest keeps what its settings say, and counts its nodes."""

import numpy as np
import pytest
from separable import COLUMNS, GENRES, ROWS, separable

from genre_batch.errors import UsageError
from genre_batch.model.estimators.estimator import as_vectors
from genre_batch.model.estimators.forest import ForestSettings


def test_trees_and_depth_are_those_of_the_settings() -> None:
    forest = ForestSettings(trees=7, max_depth=2).fit(*separable(), GENRES, seed=0)
    assert len(forest.model.estimators_) == 7
    assert max(tree.get_depth() for tree in forest.model.estimators_) == 2
    assert forest.model.bootstrap is True
    assert forest.parameters == sum(tree.tree_.node_count for tree in forest.model.estimators_) * (4 + 3)


def test_the_answer_is_scikit_learns_with_one_undecided_tree_more() -> None:
    segments, labels = separable()
    forest = ForestSettings(trees=9, max_depth=1).fit(segments, labels, GENRES, seed=0)
    mean = np.zeros((90, GENRES))
    mean[:, [0, 2, 4]] = forest.model.predict_proba(as_vectors(segments))
    assert np.allclose(np.exp(forest.log_probabilities(segments)), (9 * mean + 1 / GENRES) / 10, atol=1e-6)


def test_a_forest_of_other_settings_is_refused() -> None:
    weights = ForestSettings(trees=3).fit(*separable(), GENRES, seed=0).weights()
    with pytest.raises(UsageError, match="number of trees"):
        ForestSettings(trees=4).load(weights, (ROWS, COLUMNS), GENRES)


@pytest.mark.parametrize("field", ["left_child", "right_child", "feature"])
@pytest.mark.parametrize("value", [1 << 40, -7, 0])
def test_a_tree_with_wrong_indices_is_refused(field: str, value: int) -> None:
    """scikit-learn would read outside its array, or loop for ever."""
    forest = ForestSettings(trees=3).fit(*separable(), GENRES, seed=0)
    tree = forest.model.estimators_[1].tree_
    state = tree.__getstate__()
    if (field, value) == ("feature", 0):
        value = ROWS * COLUMNS
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    with pytest.raises(UsageError, match="trees of its model"):
        ForestSettings(trees=3).load(forest.weights(), (ROWS, COLUMNS), GENRES)
