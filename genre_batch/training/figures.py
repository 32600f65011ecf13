"""Figures of held-out tracks: what the model card, the report and the documentation quote."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.evaluation.metrics import accuracy, expected_calibration_error, log_loss, measure
from genre_batch.training.cross_validation import HeldOut
from genre_batch.training.fit import Labels
from genre_batch.training.splits import Fold


class Figures(BaseModel):
    """Cross-validated figures; every track is counted once a repeat, answered by a model that never heard its artist.

    accuracy_mean, accuracy_sd: over `fold_accuracies`, the folds of all repeats. Log loss (nats) and expected
    calibration error before and after the temperature; the temperature is fitted on these same answers.
    macro_f1, top_3_accuracy and recall are means over the repeats; confusion_matrix[i][j] counts tracks of genre i
    answered j, summed over them. answered: share of tracks above the abstention threshold; answered_accuracy: theirs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    accuracy_mean: float
    accuracy_sd: float
    fold_accuracies: list[float]
    macro_f1: float
    top_3_accuracy: float
    log_loss_before: float
    log_loss_after: float
    ece_before: float
    ece_after: float
    temperature: float
    threshold: float | None
    answered: float
    answered_accuracy: float
    recall: dict[str, float]
    confusion_matrix: list[list[int]]

    def as_metrics(self) -> dict[str, float]:
        """The figures by name, as the bundle's manifest keeps them."""
        plain = self.model_dump(exclude={"fold_accuracies", "threshold", "recall", "confusion_matrix"})
        return plain | {f"recall_{genre}": value for genre, value in self.recall.items()}


def held_out_figures(
    repeats: Sequence[HeldOut],
    folds: Sequence[Sequence[Fold]],
    labels: Labels,
    genres: Sequence[str],
    *,
    temperature: float,
    threshold: float | None,
) -> Figures:
    """The figures of `repeats`, whose splits were `folds`, against the true `labels` [n_tracks]."""
    plain = np.stack([held_out.probabilities(1.0) for held_out in repeats])
    calibrated = np.stack([held_out.probabilities(temperature) for held_out in repeats])
    every, truth = calibrated.reshape(-1, len(genres)), np.tile(labels, len(repeats))
    measured = [measure(probabilities, labels, genres) for probabilities in calibrated]
    by_fold = [
        accuracy(probabilities[fold.test], labels[fold.test])
        for probabilities, splits in zip(calibrated, folds, strict=True)
        for fold in splits
    ]
    answered = every.max(axis=1) >= (threshold or 0.0)
    return Figures(
        accuracy_mean=float(np.mean(by_fold)),
        accuracy_sd=float(np.std(by_fold, ddof=1)),
        fold_accuracies=by_fold,
        macro_f1=float(np.mean([metrics.macro_f1 for metrics in measured])),
        top_3_accuracy=float(np.mean([metrics.top_3_accuracy for metrics in measured])),
        log_loss_before=log_loss(plain.reshape(-1, len(genres)), truth),
        log_loss_after=log_loss(every, truth),
        ece_before=expected_calibration_error(plain.reshape(-1, len(genres)), truth),
        ece_after=expected_calibration_error(every, truth),
        temperature=temperature,
        threshold=threshold,
        answered=float(answered.mean()),
        answered_accuracy=accuracy(every[answered], truth[answered]),
        recall={g: float(np.mean([metrics.per_genre[g].recall for metrics in measured])) for g in genres},
        confusion_matrix=np.sum([metrics.confusion_matrix for metrics in measured], axis=0).tolist(),
    )
