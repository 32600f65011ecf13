"""Fits what makes a confidence mean what it says: one temperature, and the least confidence that a genre needs."""

from collections.abc import Sequence

import numpy as np

from genre_batch.evaluation.metrics import log_loss
from genre_batch.model.calibration import Floats
from genre_batch.model.scores import NEVER
from genre_batch.training.answers import Answers
from genre_batch.training.batches import Labels

TEMPERATURES = (0.05, 20.0)
"""The range that a calibration temperature is looked for in."""


def fit_temperature(answers: Sequence[Answers], labels: Labels) -> float:
    """The temperature that gives the pooled `answers` the least log loss (Guo et al., ICML 2017).

    labels: of all tracks of the corpus. It is fitted after pooling, since the pooled probability is what a track's
    row shows.
    """
    from scipy.optimize import minimize_scalar

    truth = np.concatenate([labels[each.tracks] for each in answers])

    def loss(log_temperature: float) -> float:
        return log_loss(pooled(answers, float(np.exp(log_temperature))), truth)

    best = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(best.x))


def pooled(answers: Sequence[Answers], temperature: float) -> Floats:
    """Probabilities [n_tracks, n_genres] of the tracks of all `answers`, one after another."""
    return np.concatenate([each.probabilities(temperature) for each in answers])


def fit_thresholds(probabilities: Floats, labels: Labels, target: float, *, repeats: int = 1) -> list[float]:
    """For each genre the least confidence from which on at least `target` of the answers of that genre are right.

    probabilities: [n, n_genres] of held-out tracks; labels: [n]; each track stands there `repeats` times. One wrong
    answer more than there were is counted, as in conformal risk control (Angelopoulos et al., ICLR 2024, eq. 4): so
    few examples prove nothing, and a genre needs at least target / (1 - target) right answers to be answered at all.
    One that never gets there has the threshold NEVER.
    """
    confidence, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    right = answers == labels
    return [
        _threshold(confidence[answers == genre], right[answers == genre], target, repeats)
        for genre in range(probabilities.shape[1])
    ]


def _threshold(
    confidence: Floats, right: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]", target: float, repeats: int
) -> float:
    order = np.argsort(-confidence, kind="stable")
    ordered, counts = confidence[order], np.arange(1, len(order) + 1)
    precise = np.cumsum(right[order]) >= target * (counts + repeats)
    # a threshold lets all tracks of one confidence through, or none
    last_of_its_confidence = np.append(ordered[1:] < ordered[:-1], True)[: len(order)]
    places = np.flatnonzero(precise & last_of_its_confidence)
    return float(ordered[places[-1]]) if len(places) else NEVER
