"""The figures of held-out tracks against small cases worked out by hand."""

import numpy as np
import pytest

from genre_batch.training.cross_validation import HeldOut
from genre_batch.training.figures import held_out_figures
from genre_batch.training.splits import Fold

GENRES = ["blues", "jazz"]
LABELS = np.array([0, 0, 1, 1])
ROWS = np.arange(4)
FOLDS = [Fold(ROWS[2:], ROWS[:2]), Fold(ROWS[:2], ROWS[2:])]


def held_out(*answers: int, margin: float = 2.0) -> HeldOut:
    logits = np.zeros((4, 2), np.float32)
    logits[ROWS, list(answers)] = margin
    return HeldOut(logits, ROWS.astype(np.int32))


def test_accuracy_is_over_the_folds_of_all_repeats() -> None:
    repeats = [held_out(0, 0, 1, 0), held_out(0, 1, 1, 1)]
    figures = held_out_figures(repeats, [FOLDS, FOLDS], LABELS, GENRES, temperature=1.0, threshold=None)
    assert figures.fold_accuracies == [1.0, 0.5, 0.5, 1.0]
    assert figures.accuracy_mean == 0.75
    assert figures.accuracy_sd == pytest.approx(np.std([1.0, 0.5, 0.5, 1.0], ddof=1))
    assert figures.confusion_matrix == [[3, 1], [1, 3]]
    assert figures.recall == {"blues": 0.75, "jazz": 0.75}
    assert figures.answered == 1.0


def test_temperature_and_threshold_show_in_the_figures() -> None:
    sure = held_out(0, 1, 1, 1, margin=4.0)
    logits = sure.logits.copy()
    logits[1] *= 0.25
    repeats = [HeldOut(logits, sure.track_rows)]
    figures = held_out_figures(repeats, [FOLDS], LABELS, GENRES, temperature=2.0, threshold=0.8)
    assert figures.answered == 0.75
    assert figures.answered_accuracy == 1.0
    assert figures.log_loss_before != figures.log_loss_after
    metrics = figures.as_metrics()
    assert metrics["accuracy_mean"] == 0.75
    assert metrics["recall_jazz"] == 1.0
    assert all(np.isfinite(value) for value in metrics.values())
