"""Honest figures: every track is answered by a network that never heard its artist."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_batch.evaluation.metrics import log_loss
from genre_batch.model.calibration import Calibration, Floats, softmax
from genre_batch.model.pooling import pool
from genre_batch.training.dataset import HalfSpectrogram
from genre_batch.training.fit import Labels, Progress
from genre_batch.training.recipe import Recipe, fit_model
from genre_batch.training.splits import Fold

TEMPERATURES = (0.05, 20.0)
"""The range that a calibration temperature is looked for in."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Answers to all tracks, each given while the track was held out.

    logits: [n_segments, n_genres]. track_rows: [n_segments] int32, the track of each segment.
    """

    logits: Floats
    track_rows: npt.NDArray[np.int32]

    def probabilities(self, temperature: float) -> Floats:
        """Pooled probabilities [n_tracks, n_genres] at a calibration temperature."""
        return pool(softmax(self.logits, temperature), self.track_rows, int(self.track_rows.max()) + 1)


def cross_validate(
    recipe: Recipe,
    spectrograms: Sequence[HalfSpectrogram],
    labels: Labels,
    folds: Sequence[Fold],
    *,
    seed: int,
    progress: Callable[[int], Progress],
) -> HeldOut:
    """The answers of one model a fold to the tracks it holds out; `progress` makes the fold's own, from 1."""
    logits, rows = [], []
    for number, fold in enumerate(folds, start=1):
        training = [spectrograms[row] for row in fold.train]
        model = fit_model(recipe, training, labels[fold.train], seed=seed + number, progress=progress(number))
        answers, which = model.answer([spectrograms[row] for row in fold.test])
        logits.append(answers)
        rows.append(fold.test[which].astype(np.int32))
    return HeldOut(np.concatenate(logits), np.concatenate(rows))


def calibrate(repeats: Sequence[HeldOut], labels: Labels) -> Calibration:
    """The temperature that gives the pooled answers to held-out tracks the least log loss (Guo et al., ICML 2017).

    It is fitted after pooling, since the pooled probability is what a track's row shows.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        temperature = float(np.exp(log_temperature))
        return float(np.mean([log_loss(held_out.probabilities(temperature), labels) for held_out in repeats]))

    best = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-3})
    return Calibration(temperature=float(np.exp(best.x)))


def precision_threshold(probabilities: Floats, labels: Labels, target: float) -> float | None:
    """The least confidence from which on at least `target` of the answers are right; None where there is none.

    probabilities: [n, n_genres] of held-out tracks. labels: [n].
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    correct = (probabilities.argmax(axis=1) == labels)[order]
    precise = np.flatnonzero(np.cumsum(correct) / np.arange(1, len(labels) + 1) >= target)
    return float(confidence[order][precise[-1]]) if len(precise) else None
