"""Figures of held-out tracks: what the model card, the report and the documentation quote."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.evaluation.abstention import Answered, answered, share
from genre_batch.evaluation.intervals import fold_interval
from genre_batch.evaluation.metrics import Metrics, accuracy, expected_calibration_error, log_loss, measure
from genre_batch.model.calibration import Floats
from genre_batch.training.answers import Repeat, calibration_answers, fitting_answers
from genre_batch.training.batches import Labels
from genre_batch.training.calibrate import fit_temperature, fit_thresholds, pooled


class Figures(BaseModel):
    """Figures of test tracks; each is counted once a repeat, answered by a model that did not learn from it.

    accuracy_mean, accuracy_sd, accuracy_low, accuracy_high: over `fold_accuracies`, the folds of all repeats, with a
    95 % interval (all but the mean are null where there is one fold). Log loss (nats) and expected calibration error
    before and after the temperature, and `answered`, the share of tracks above the thresholds, with
    `answered_accuracy`, theirs (null where there is none): the temperature and the thresholds of a fold were fitted on
    tracks of other folds, or on the validation list. temperature, thresholds: those fitted on all of them, which the
    bundle keeps. macro_f1, top_3_accuracy and recall are means over the repeats; confusion_matrix[i][j] counts tracks
    of genre i answered j, summed over them.
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
    answered: float
    answered_accuracy: float | None
    recall: dict[str, float]
    confusion_matrix: list[list[int]]

    def as_metrics(self) -> dict[str, float]:
        """The figures by name, as the bundle's manifest keeps them; what is null is left out."""
        plain = self.model_dump(exclude={"fold_accuracies", "thresholds", "recall", "confusion_matrix"})
        known = {name: value for name, value in plain.items() if value is not None}
        return known | {f"recall_{genre}": value for genre, value in self.recall.items()}

    def accuracy_text(self) -> str:
        """The accuracy with its interval, for people."""
        if self.accuracy_low is None:
            return f"{self.accuracy_mean:.3f}"
        return f"{self.accuracy_mean:.3f} (95 % interval {self.accuracy_low:.3f} to {self.accuracy_high:.3f})"


@dataclass(frozen=True, slots=True)
class _Measured:
    """The test tracks of one fold: probabilities [n, n_genres] before and after calibration, labels, answered [n]."""

    before: Floats
    after: Floats
    labels: Labels
    answered: Answered


def held_out_figures(
    repeats: list[Repeat], labels: Labels, genres: Sequence[str], *, target_precision: float | None
) -> Figures:
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
    temperature, thresholds = _kept(repeats, labels, genres, target_precision)
    return Figures(
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
        answered=float(given.mean()),
        answered_accuracy=share((after.argmax(axis=1) == truth)[given]),
        recall={g: float(np.mean([metrics.per_genre[g].recall for metrics in measured])) for g in genres},
        confusion_matrix=np.sum([metrics.confusion_matrix for metrics in measured], axis=0).tolist(),
    )


def _measure_fold(repeat: Repeat, fold: int, labels: Labels, genres: Sequence[str], target: float | None) -> _Measured:
    test, fitting = repeat[fold].test, fitting_answers(repeat, fold)
    temperature = fit_temperature(fitting, labels)
    thresholds: list[float] = []
    if target is not None:
        truth = np.concatenate([labels[answers.tracks] for answers in fitting])
        thresholds = fit_thresholds(pooled(fitting, temperature), truth, target)
    after = test.probabilities(temperature)
    given = answered(after, dict(zip(genres, thresholds, strict=False)), genres)
    return _Measured(test.probabilities(1.0), after, labels[test.tracks], given)


def _measure_repeat(folds: list[_Measured], genres: Sequence[str]) -> Metrics:
    probabilities = np.concatenate([fold.after for fold in folds])
    return measure(probabilities, np.concatenate([fold.labels for fold in folds]), genres)


def _kept(
    repeats: list[Repeat], labels: Labels, genres: Sequence[str], target: float | None
) -> tuple[float, dict[str, float]]:
    """The temperature and the thresholds that the bundle keeps."""
    answers = calibration_answers(repeats)
    temperature = fit_temperature(answers, labels)
    if target is None:
        return temperature, {}
    truth = np.concatenate([labels[each.tracks] for each in answers])
    thresholds = fit_thresholds(pooled(answers, temperature), truth, target, repeats=len(repeats))
    return temperature, dict(zip(genres, thresholds, strict=True))
