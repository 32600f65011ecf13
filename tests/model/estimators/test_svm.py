"""Probabilities of a support vector machine."""

import numpy as np
import pytest
from separable import GENRES, separable
from sklearn.svm import SVC

from genre_batch.model.estimators.estimator import as_vectors
from genre_batch.model.estimators.svm import SvmSettings, duel_probabilities


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_winner_of_all_duels_is_the_most_probable_as_scikit_learn_says(classes: int) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(150) % classes
    vectors = random.standard_normal((150, 4)) + 4.0 * np.eye(classes, 4)[labels]
    machine = SVC(decision_function_shape="ovo").fit(vectors, labels)
    probabilities = duel_probabilities(machine.decision_function(vectors), classes)
    assert np.allclose(probabilities.sum(axis=1), 1.0)
    assert (probabilities.argmax(axis=1) == machine.predict(vectors)).mean() > 0.98


def test_a_duel_is_a_logistic_of_twice_the_decision() -> None:
    one_wins = 1.0 / (1.0 + np.exp(-2.0 * 0.7))
    assert np.allclose(duel_probabilities(np.array([-0.7]), 2), [[one_wins, 1.0 - one_wins]])
    drawn = duel_probabilities(np.array([[0.7, 0.0, 0.0]]), 3)[0]
    assert np.allclose(drawn[0] / drawn[1], one_wins / (1.0 - one_wins))


def test_a_clearer_decision_gives_a_higher_probability() -> None:
    segments, labels = separable()
    svm = SvmSettings().fit(segments, labels, GENRES, seed=0)
    sure, unsure = segments[labels == 4][:1], segments[labels == 4][:1] * 0.5 + segments[labels == 2][:1] * 0.5
    assert svm.log_probabilities(sure).max() > svm.log_probabilities(unsure).max()
    assert svm.parameters == svm.model.support_vectors_.size + 2 * len(svm.model.support_) + 3
    assert svm.model.n_features_in_ == as_vectors(segments).shape[1]
