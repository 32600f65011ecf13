"""The temperature is found, and figures are those of tracks that nothing was fitted on."""

import numpy as np
import pytest

from genre_batch.evaluation.intervals import fold_interval
from genre_batch.evaluation.metrics import expected_calibration_error, log_loss
from genre_batch.training.figures import fit_temperature, held_out_figures, pooled
from genre_batch.training.fitted_model import FoldLogits, Repeat, SegmentLogits


def overconfident(seed: int, n: int = 400) -> tuple[SegmentLogits, np.ndarray]:
    """Answers to `n` tracks, which are right about as often as a temperature of 3 says."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in chances])
    return SegmentLogits(logits * 3, np.arange(n)), labels


def test_the_temperature_that_was_hidden_is_found() -> None:
    answers, labels = overconfident(0)
    half = [SegmentLogits(answers.logits[part], answers.track_rows[part]) for part in (slice(0, 200), slice(200, 400))]
    temperature = fit_temperature(half, labels)
    assert temperature == pytest.approx(3.0, rel=0.25)
    losses = [log_loss(pooled(half, t), labels) for t in (temperature * 0.9, temperature, temperature * 1.1)]
    assert losses[1] == min(losses)


GENRES = ["blues", "jazz"]
LABELS = np.array([0, 0, 1, 1])


def answers(rows: list[int], given: tuple[int, ...], margin: float = 2.0) -> SegmentLogits:
    logits = np.zeros((len(rows), 2), np.float32)
    logits[np.arange(len(rows)), list(given)] = margin
    return SegmentLogits(logits, np.array(rows))


def repeat(*given: int) -> Repeat:
    return [FoldLogits(answers([0, 1], given[:2])), FoldLogits(answers([2, 3], given[2:]))]


def test_accuracy_is_over_the_folds_of_all_repeats() -> None:
    figures = held_out_figures([repeat(0, 0, 1, 0), repeat(0, 1, 1, 1)], LABELS, GENRES, target_precision=None)
    assert figures.fold_accuracies == [1.0, 0.5, 0.5, 1.0]
    interval = fold_interval([1.0, 0.5, 0.5, 1.0], 2)
    assert (figures.accuracy_mean, figures.accuracy_low, figures.accuracy_high) == (0.75, interval.low, interval.high)
    assert figures.accuracy_sd == pytest.approx(np.std([1.0, 0.5, 0.5, 1.0], ddof=1))
    assert figures.confusion_matrix == [[3, 1], [1, 3]]
    assert figures.recall == {"blues": 0.75, "jazz": 0.75}
    assert (figures.answered, figures.thresholds) == (1.0, {})
    metrics = figures.as_metrics()
    assert metrics["accuracy_mean"] == 0.75
    assert metrics["recall_jazz"] == 0.75
    assert all(np.isfinite(value) for value in metrics.values())


def noisy(rows: range, labels: np.ndarray, sharpness: float, seed: int) -> SegmentLogits:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(rows), 2)).astype(np.float32)
    logits[np.arange(len(rows)), labels[rows]] += 1.0
    return SegmentLogits(logits * np.float32(sharpness), np.array(rows))


def test_calibration_is_measured_on_tracks_that_it_was_not_fitted_on() -> None:
    """The two folds' models are sure to very different degrees, so a temperature of their own would help them more."""
    labels = np.arange(400) % 2
    folds = [FoldLogits(noisy(range(200), labels, 1.0, 0)), FoldLogits(noisy(range(200, 400), labels, 9.0, 1))]
    figures = held_out_figures([folds], labels, GENRES, target_precision=0.8)
    first, second = (fit_temperature([fold.test], labels) for fold in folds)
    crossed = np.concatenate([folds[0].test.probabilities(second), folds[1].test.probabilities(first)])
    assert figures.ece_after == pytest.approx(expected_calibration_error(crossed, labels))
    own = np.concatenate([folds[0].test.probabilities(first), folds[1].test.probabilities(second)])
    assert figures.ece_after > expected_calibration_error(own, labels) + 0.05
    assert figures.temperature == fit_temperature([fold.test for fold in folds], labels)
    assert set(figures.thresholds) == set(GENRES)
    assert 0.0 < figures.answered < 1.0
    assert figures.answered_accuracy is not None
    assert figures.thresholds_at["0.8"] == figures.thresholds
    assert figures.answered_at["0.8"] == (figures.answered, figures.answered_accuracy)
    answered = [share for share, _ in figures.answered_at.values()]
    assert answered == sorted(answered, reverse=True)
    assert figures.as_metrics()["answered_at_0.8"] == figures.answered


def test_lists_measure_on_the_test_list_and_calibrate_on_the_validation_list() -> None:
    labels = np.arange(300) % 2
    test, valid = noisy(range(100, 200), labels, 3.0, 0), noisy(range(200, 300), labels, 3.0, 1)
    figures = held_out_figures([[FoldLogits(test, valid)]], labels, GENRES, target_precision=None)
    temperature = fit_temperature([valid], labels)
    assert figures.temperature == temperature
    assert figures.ece_after == expected_calibration_error(test.probabilities(temperature), labels[100:200])
    assert np.sum(figures.confusion_matrix) == 100
    assert (figures.accuracy_low, figures.accuracy_high) == (None, None)
    assert "accuracy_low" not in figures.as_metrics()
    assert figures.accuracy_text() == f"{figures.accuracy_mean:.3f}"


@pytest.mark.parametrize("interval", [(0.9, 0.9), (0.1, 1.0)])
def test_an_interval_that_says_nothing_is_not_printed(interval: tuple[float, float]) -> None:
    labels = np.arange(300) % 2
    test, valid = noisy(range(100, 200), labels, 3.0, 0), noisy(range(200, 300), labels, 3.0, 1)
    figures = held_out_figures([[FoldLogits(test, valid)]], labels, GENRES, target_precision=None)
    low, high = interval
    figures = figures.model_copy(update={"accuracy_low": low, "accuracy_high": high})
    assert figures.accuracy_text().endswith("(too few folds to tell how far it varies)")


def test_where_no_answer_is_good_enough_none_is_given() -> None:
    figures = held_out_figures([repeat(1, 1, 0, 0)], LABELS, GENRES, target_precision=0.9)
    assert figures.thresholds == {"blues": 1.0, "jazz": 1.0}
    assert (figures.answered, figures.answered_accuracy) == (0.0, None)
