"""Held-out answers come from models that never heard the track; calibration and threshold do what they claim."""

import numpy as np
import pytest

from genre_batch.evaluation.metrics import log_loss
from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.model.architecture import ShortCnnSettings
from genre_batch.training.cross_validation import HeldOut, calibrate, cross_validate, precision_threshold
from genre_batch.training.fit import Optimisation
from genre_batch.training.recipe import Recipe
from genre_batch.training.splits import Fold

RECIPE = Recipe(
    ShortCnnSettings(channels=2, dropout=0.0),
    LogMelFrontEnd(n_mels=16, segment_frames=16, segment_hop_frames=8),
    Optimisation(epochs=1, batch_size=4),
    n_genres=2,
)


def overconfident(seed: int, n: int = 400) -> tuple[HeldOut, np.ndarray]:
    """Answers to `n` tracks, right about as often as a temperature of 3 says."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in chances])
    return HeldOut(logits * 3, np.arange(n, dtype=np.int32)), labels


ROWS = np.arange(8)
FOLDS = [Fold(ROWS[4:], ROWS[:4]), Fold(ROWS[:4], ROWS[4:])]
LABELS = np.array([0, 1] * 4, np.int64)


def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(16, 24 + 8 * (row % 2))).astype(np.float16) for row in range(8)]


def answers(spectrograms: list[np.ndarray]) -> HeldOut:
    return cross_validate(RECIPE, spectrograms, LABELS, FOLDS, seed=0, progress=lambda fold: lambda epoch, loss: None)


def test_every_track_is_answered_by_all_its_segments() -> None:
    held_out = answers(sounds())
    np.testing.assert_array_equal(np.bincount(held_out.track_rows), [2, 3] * 4)
    np.testing.assert_allclose(held_out.probabilities(1.0).sum(axis=1), 1.0, rtol=1e-5)


def test_a_held_out_track_has_no_influence_on_the_model_that_answers_its_fold() -> None:
    changed = sounds()
    changed[0] = changed[0] * 5
    before, after = answers(sounds()), answers(changed)
    same_fold, other_fold = np.isin(before.track_rows, [1, 2, 3]), before.track_rows >= 4
    np.testing.assert_array_equal(before.logits[same_fold], after.logits[same_fold])
    assert not np.array_equal(before.logits[other_fold], after.logits[other_fold])


def test_progress_names_the_fold_and_the_epoch() -> None:
    seen: list[tuple[int, int]] = []
    cross_validate(
        RECIPE,
        sounds(),
        LABELS,
        FOLDS,
        seed=0,
        progress=lambda fold: lambda epoch, loss: seen.append((fold, epoch)),
    )
    assert seen == [(1, 1), (2, 1)]


def test_calibration_finds_the_temperature_that_was_hidden() -> None:
    held_out, labels = overconfident(0)
    temperature = calibrate([held_out], labels).temperature
    assert temperature == pytest.approx(3.0, rel=0.25)
    losses = [log_loss(held_out.probabilities(t), labels) for t in (temperature * 0.9, temperature, temperature * 1.1)]
    assert losses[1] == min(losses)


def test_above_the_threshold_the_target_precision_is_met() -> None:
    held_out, labels = overconfident(1)
    probabilities = held_out.probabilities(3.0)
    threshold = precision_threshold(probabilities, labels, 0.7)
    assert threshold is not None
    kept = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == labels
    assert 0 < kept.sum() < len(labels)
    assert right[kept].mean() >= 0.7
    assert right.mean() < 0.7


def test_no_threshold_where_the_most_confident_answers_are_wrong() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
    assert precision_threshold(probabilities, np.array([1, 1]), 0.9) is None
