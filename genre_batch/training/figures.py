"""Figures of held-out tracks, and the calibration fitted on them: a temperature, and a threshold for each genre."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.evaluation.abstention import Answered, answered, share
from genre_batch.evaluation.intervals import fold_interval
from genre_batch.evaluation.metrics import Metrics, accuracy, expected_calibration_error, log_loss, measure
from genre_batch.model.scores import Floats, Labels
from genre_batch.training.fitted_model import Repeat, SegmentLogits, calibration_answers, fitting_answers
from genre_batch.training.thresholds import fit_thresholds

KEPT_TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""The precisions for which a bundle keeps thresholds; scoring chooses among them with `min_precision`."""

TEMPERATURES = (0.05, 20.0)
"""The range in which a calibration temperature is searched."""

_WIDEST_INTERVAL = 0.5


def fit_temperature(answers: Sequence[SegmentLogits], labels: Labels) -> float:
    """The temperature that minimises the log loss of the pooled `answers` (Guo et al., ICML 2017).

    labels: of all tracks of the corpus. It is fitted after pooling, because the pooled probability is what the output
    shows.
    """
    from scipy.optimize import minimize_scalar

    truth = np.concatenate([labels[each.tracks] for each in answers])

    def loss(log_temperature: float) -> float:
        return log_loss(pooled(answers, float(np.exp(log_temperature))), truth)

    best = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(best.x))


def pooled(answers: Sequence[SegmentLogits], temperature: float) -> Floats:
    """Probabilities [n_tracks, n_genres] of the tracks of all `answers`, one after another."""
    return np.concatenate([each.probabilities(temperature) for each in answers])


class HeldOutFigures(BaseModel):
    """Figures of test tracks; each counts once per repeat, answered by a model that did not learn from it.

    accuracy_mean, accuracy_sd, accuracy_low, accuracy_high: over `fold_accuracies`, the folds of all repeats, with a
    95 % interval; with a single fold, all but the mean are null. log_loss_before, log_loss_after (nats), ece_before,
    ece_after (expected calibration error): before and after the temperature. answered: the share of tracks above the
    thresholds; answered_accuracy: their accuracy, null if there are none; answered_at: both, for each of KEPT_TARGETS.
    For these, the temperature and the thresholds of a fold were fitted on tracks of other folds or on the validation
    list. temperature, thresholds, thresholds_at: fitted on all of them, for the bundle. macro_f1, top_3_accuracy,
    recall: means over the repeats. confusion_matrix[i][j]: the number of tracks of genre i answered with j, summed over
    the repeats.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    accuracy_mean: float
    accuracy_sd: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    fold_accuracies: list[float]
    macro_f1: float
    top_3_accuracy: float
    log_loss_before: float
    log_loss_after: float
    ece_before: float
    ece_after: float
    temperature: float
    thresholds: dict[str, float]
    thresholds_at: dict[str, dict[str, float]]
    answered: float
    answered_accuracy: float | None
    answered_at: dict[str, tuple[float, float | None]]
    recall: dict[str, float]
    confusion_matrix: list[list[int]]

    def as_metrics(self) -> dict[str, float]:
        """The figures by name, as in the bundle's manifest, without those that are null."""
        others = {"fold_accuracies", "thresholds", "thresholds_at", "answered_at", "recall", "confusion_matrix"}
        plain = self.model_dump(exclude=others)
        for target, (share_answered, right) in self.answered_at.items():
            plain |= {f"answered_at_{target}": share_answered, f"answered_accuracy_at_{target}": right}
        known = {name: value for name, value in plain.items() if value is not None}
        return known | {f"recall_{genre}": value for genre, value in self.recall.items()}

    def accuracy_text(self) -> str:
        """The accuracy with its interval, for humans."""
        if self.accuracy_low is None or self.accuracy_high is None:
            return f"{self.accuracy_mean:.3f}"
        if not 0.0 < self.accuracy_high - self.accuracy_low <= _WIDEST_INTERVAL:
            return f"{self.accuracy_mean:.3f} (too few folds to tell how far it varies)"
        return (
            f"{self.accuracy_mean:.3f} (95 % interval over folds: {self.accuracy_low:.3f} to {self.accuracy_high:.3f})"
        )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The test tracks of one fold: probabilities [n, n_genres] before and after calibration, labels, answered [n].

    answered_at: the same for each of KEPT_TARGETS, by its name.
    """

    before: Floats
    after: Floats
    labels: Labels
    answered: Answered
    answered_at: dict[str, Answered]


def held_out_figures(
    repeats: list[Repeat], labels: Labels, genres: Sequence[str], *, target_precision: float | None
) -> HeldOutFigures:
    """The figures of `repeats` against the true `labels` of all tracks of the corpus."""
    folds = [
        [_measure_fold(repeat, fold, labels, genres, target_precision) for fold in range(len(repeat))]
        for repeat in repeats
    ]
    every = [fold for repeat in folds for fold in repeat]
    before, after, truth, given = (
        np.concatenate([getattr(fold, name) for fold in every]) for name in ("before", "after", "labels", "answered")
    )
    measured = [_measure_repeat(repeat, genres) for repeat in folds]
    accuracies = [accuracy(fold.after, fold.labels) for fold in every]
    interval = fold_interval(accuracies, len(repeats[0]))
    right = after.argmax(axis=1) == truth
    given_at = {name: np.concatenate([fold.answered_at[name] for fold in every]) for name in every[0].answered_at}
    temperature, thresholds, thresholds_at = _calibration(repeats, labels, genres, target_precision)
    return HeldOutFigures(
        accuracy_mean=interval.mean,
        accuracy_sd=float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
        accuracy_low=interval.low,
        accuracy_high=interval.high,
        fold_accuracies=accuracies,
        macro_f1=float(np.mean([metrics.macro_f1 for metrics in measured])),
        top_3_accuracy=float(np.mean([metrics.top_3_accuracy for metrics in measured])),
        log_loss_before=log_loss(before, truth),
        log_loss_after=log_loss(after, truth),
        ece_before=expected_calibration_error(before, truth),
        ece_after=expected_calibration_error(after, truth),
        temperature=temperature,
        thresholds=thresholds,
        thresholds_at=thresholds_at,
        answered=float(given.mean()),
        answered_accuracy=share(right[given]),
        answered_at={name: (float(kept.mean()), share(right[kept])) for name, kept in given_at.items()},
        recall={g: float(np.mean([metrics.per_genre[g].recall for metrics in measured])) for g in genres},
        confusion_matrix=np.sum([metrics.confusion_matrix for metrics in measured], axis=0).tolist(),
    )


def _measure_fold(repeat: Repeat, fold: int, labels: Labels, genres: Sequence[str], target: float | None) -> _Measured:
    test, fitting = repeat[fold].test, fitting_answers(repeat, fold)
    temperature = fit_temperature(fitting, labels)
    truth, fitted = np.concatenate([labels[answers.tracks] for answers in fitting]), pooled(fitting, temperature)
    after = test.probabilities(temperature)

    def given(least: float | None) -> Answered:
        thresholds = [] if least is None else fit_thresholds(fitted, truth, least)
        return answered(after, dict(zip(genres, thresholds, strict=False)), genres)

    given_at = {f"{least:g}": given(least) for least in KEPT_TARGETS}
    return _Measured(test.probabilities(1.0), after, labels[test.tracks], given(target), given_at)


def _measure_repeat(folds: list[_Measured], genres: Sequence[str]) -> Metrics:
    probabilities = np.concatenate([fold.after for fold in folds])
    return measure(probabilities, np.concatenate([fold.labels for fold in folds]), genres)


def _calibration(
    repeats: list[Repeat], labels: Labels, genres: Sequence[str], target: float | None
) -> tuple[float, dict[str, float], dict[str, dict[str, float]]]:
    """The temperature and the thresholds for the bundle, and those for each of KEPT_TARGETS."""
    answers = calibration_answers(repeats)
    temperature = fit_temperature(answers, labels)
    truth, probabilities = np.concatenate([labels[each.tracks] for each in answers]), pooled(answers, temperature)

    def thresholds(least: float) -> dict[str, float]:
        fitted = fit_thresholds(probabilities, truth, least, repeats=len(repeats))
        return dict(zip(genres, fitted, strict=True))

    kept = {f"{least:g}": thresholds(least) for least in KEPT_TARGETS}
    return temperature, {} if target is None else thresholds(target), kept
