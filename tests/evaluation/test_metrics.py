"""Every metric against a case worked out by hand, and against scikit-learn where it has one."""

import numpy as np
import pytest
import sklearn.metrics
import sklearn.preprocessing
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.evaluation.metrics import (
    METRICS,
    GenreFigures,
    Metrics,
    ReliabilityBin,
    calibration_error,
    expected_calibration_error,
    label_index_mse,
    log_loss,
    macro_f1,
    mean_squared_error,
    measure,
    reliability,
    roc_auc,
    top_k_accuracy,
)


def test_each_bin_holds_its_tracks() -> None:
    probabilities = np.array([[0.52, 0.48], [0.41, 0.59], [0.9, 0.1], [0.04, 0.96], [1.0, 0.0]])
    diagram = reliability(probabilities, np.array([0, 0, 0, 1, 1]))
    assert [each.tracks for each in diagram] == [2, 3]
    assert [each.confidence for each in diagram] == pytest.approx([0.555, (0.9 + 0.96 + 1.0) / 3])
    assert [each.accuracy for each in diagram] == pytest.approx([0.5, 2 / 3])


def test_the_error_is_the_mean_gap_weighted_by_tracks() -> None:
    diagram = [
        ReliabilityBin(tracks=1, confidence=0.5, accuracy=1.0),
        ReliabilityBin(tracks=3, confidence=0.9, accuracy=0.8),
    ]
    assert calibration_error(diagram) == pytest.approx((0.5 + 3 * 0.1) / 4)


GENRES = ["blues", "jazz", "rock", "pop"]


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.dirichlet(np.ones(4), 200), rng.integers(0, 4, 200)


def test_metrics_of_a_small_case_worked_out_by_hand() -> None:
    probabilities = np.array([[0.7, 0.1, 0.1, 0.1], [0.6, 0.4, 0.0, 0.0], [0.1, 0.8, 0.1, 0.0], [0.3, 0.3, 0.0, 0.4]])
    metrics = measure(probabilities, np.array([0, 1, 1, 0]), GENRES)
    assert metrics.accuracy == 0.5
    assert metrics.confusion_matrix == [[1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert metrics.per_genre["blues"] == GenreFigures(precision=0.5, recall=0.5, f1=0.5, tracks=2)
    assert metrics.per_genre["jazz"].precision == 1.0
    assert metrics.macro_f1 == pytest.approx((0.5 + 2 / 3) / 2)
    assert metrics.top_3_accuracy == 1.0
    assert metrics.log_loss == pytest.approx(-np.log([0.7, 0.4, 0.8, 0.3]).mean())


def test_metrics_equal_those_of_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, labels = answers
    metrics = measure(probabilities, labels, GENRES)
    assert metrics.accuracy == pytest.approx(sklearn.metrics.accuracy_score(labels, probabilities.argmax(1)))
    assert metrics.macro_f1 == pytest.approx(sklearn.metrics.f1_score(labels, probabilities.argmax(1), average="macro"))
    assert log_loss(probabilities, labels) == pytest.approx(sklearn.metrics.log_loss(labels, probabilities))
    expected = sklearn.metrics.top_k_accuracy_score(labels, probabilities, k=3)
    assert top_k_accuracy(probabilities, labels, 3) == pytest.approx(expected)
    expected = sklearn.metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert metrics.roc_auc == pytest.approx(expected)
    one_hot = np.eye(4)[labels]
    assert metrics.mean_squared_error == pytest.approx(sklearn.metrics.mean_squared_error(one_hot, probabilities))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40))
def test_macro_f1_is_that_of_scikit_learn_over_the_genres_that_occur(pairs: list[tuple[int, int]]) -> None:
    labels, answers = np.array(pairs).T
    occurring = {"labels": np.unique(labels), "average": "macro", "zero_division": 0.0}
    assert macro_f1(answers, labels) == pytest.approx(sklearn.metrics.f1_score(labels, answers, **occurring), abs=1e-12)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.tile([0.8, 0.2], (10, 1))
    labels = np.array([0] * 5 + [1] * 5)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.3)
    assert expected_calibration_error(probabilities, np.array([0] * 8 + [1] * 2)) == pytest.approx(0.0)


def test_certain_answers_fall_into_the_last_bin_and_a_zero_probability_stays_finite() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    labels = np.array([0, 1])
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.5)
    assert np.isfinite(log_loss(probabilities, labels))


def test_the_area_under_the_curve_is_that_of_the_genres_that_occur() -> None:
    probabilities = np.array([[0.7, 0.1, 0.2], [0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    assert roc_auc(probabilities, np.array([0, 0, 1, 1])) == pytest.approx((0.75 + 0.875) / 2)
    assert roc_auc(probabilities, np.array([1, 1, 1, 1])) is None


def test_squared_error_of_probabilities_worked_out_by_hand() -> None:
    assert mean_squared_error(np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 0])) == pytest.approx((0.08 + 0.72) / 4)


def test_the_label_index_error_numbers_genres_by_name() -> None:
    """As scikit-learn's LabelEncoder does, whatever the order of the bundle's taxonomy."""
    genres = ["rock", "blues", "jazz"]
    answers, labels = np.array([0, 1, 2]), np.array([1, 1, 0])
    coded = [sklearn.preprocessing.LabelEncoder().fit(genres).transform(np.array(genres)[n]) for n in (answers, labels)]
    expected = sklearn.metrics.mean_squared_error(*coded)
    assert label_index_mse(answers, labels, genres) == pytest.approx(expected) == pytest.approx((4 + 0 + 1) / 3)


def test_every_metric_is_a_field_and_every_field_of_a_figure_a_metric() -> None:
    counts = {"tracks", "genres", "per_genre", "confusion_matrix"}
    assert [metric.name for metric in METRICS if metric.name not in Metrics.model_fields] == []
    assert set(Metrics.model_fields) - counts == {metric.name for metric in METRICS}


def test_among_equal_probabilities_the_first_genre_counts_as_the_answer_does() -> None:
    tied = np.array([[0.6, 0.2, 0.1, 0.1], [0.6, 0.2, 0.1, 0.1]])
    assert top_k_accuracy(tied, np.array([2, 3]), 3) == 0.5
