"""Figures of a classifier on labelled tracks, from its probabilities."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.evaluation.reliability import BINS, Labels, Probabilities, calibration_error, reliability


class GenreFigures(BaseModel):
    """Figures of one genre. `tracks`: how many tracks truly are of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    precision: float
    recall: float
    f1: float
    tracks: int


class Metrics(BaseModel):
    """Figures over tracks. `confusion_matrix[i][j]`: tracks of genre i answered j, in the order of `genres`.

    roc_auc: null where fewer than two genres occur. mean_squared_error: of the probabilities. label_index_mse: the
    figure that seed 001 quotes, see `label_index_mse`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    accuracy: float
    macro_f1: float
    top_3_accuracy: float
    roc_auc: float | None
    log_loss: float
    mean_squared_error: float
    label_index_mse: float
    expected_calibration_error: float
    genres: list[str]
    per_genre: dict[str, GenreFigures]
    confusion_matrix: list[list[int]]

    def confusion_table(self) -> str:
        """The confusion matrix for a terminal: a line a true genre, a column an answer, in the same order."""
        names = [printable(genre) for genre in self.genres]
        width = max(map(len, names))
        lines = zip(names, self.confusion_matrix, strict=True)
        return "\n".join(f"  {genre:<{width}}" + "".join(f"{n:6,}" for n in counts) for genre, counts in lines)


def measure(probabilities: Probabilities, labels: Labels, genres: Sequence[str]) -> Metrics:
    """All figures for probabilities [n, n_genres] and true labels [n] (indices into `genres`), n >= 1.

    Macro F1 is over the genres that occur among the labels; a genre never answered has precision 0.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    answers = probabilities.argmax(axis=1)
    every = np.arange(len(genres))
    columns = precision_recall_fscore_support(labels, answers, labels=every, zero_division=0.0)
    per_genre = {
        genre: GenreFigures(precision=float(p), recall=float(r), f1=float(f1), tracks=int(n))
        for genre, p, r, f1, n in zip(genres, *columns, strict=True)
    }
    return Metrics(
        tracks=len(labels),
        accuracy=accuracy(probabilities, labels),
        macro_f1=macro_f1(answers, labels),
        top_3_accuracy=top_k_accuracy(probabilities, labels, 3),
        roc_auc=roc_auc(probabilities, labels),
        log_loss=log_loss(probabilities, labels),
        mean_squared_error=mean_squared_error(probabilities, labels),
        label_index_mse=label_index_mse(answers, labels, genres),
        expected_calibration_error=expected_calibration_error(probabilities, labels),
        genres=list(genres),
        per_genre=per_genre,
        confusion_matrix=confusion_matrix(labels, answers, labels=every).tolist(),
    )


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """The share of tracks whose most probable genre is the true one."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def top_k_accuracy(probabilities: Probabilities, labels: Labels, k: int) -> float:
    """The share of tracks whose true genre is among the `k` most probable."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def log_loss(probabilities: Probabilities, labels: Labels) -> float:
    """Mean negative log of the probability given to the true genre, in nats; a zero counts as 1e-12."""
    given = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def macro_f1(answers: Labels, labels: Labels) -> float:
    """The mean F1 over the genres that occur among `labels` [n]; `answers` [n] are genres as well.

    Counted here, since a bootstrap asks a thousand times: scikit-learn takes milliseconds to look at its arguments.
    """
    n_genres = 1 + max(int(answers.max()), int(labels.max()))
    true, given, hits = (np.bincount(x, minlength=n_genres) for x in (labels, answers, labels[answers == labels]))
    occurs = true > 0
    return float((2 * hits[occurs] / (true + given)[occurs]).mean())


def roc_auc(probabilities: Probabilities, labels: Labels) -> float | None:
    """Mean area under the ROC curve, each genre that occurs against the rest; None where only one genre occurs."""
    from sklearn.metrics import roc_auc_score

    genres = np.unique(labels)
    if len(genres) < 2:
        return None
    return float(roc_auc_score(labels[:, None] == genres, probabilities[:, genres], average="macro"))


def mean_squared_error(probabilities: Probabilities, labels: Labels) -> float:
    """Mean squared difference between probabilities [n, n_genres] and the true answers (1 for the genre, else 0).

    The mean is over tracks and genres: the score of Brier (1950) divided by the number of genres.
    """
    truth = np.arange(probabilities.shape[1]) == labels[:, None]
    return float(np.square(np.asarray(probabilities, np.float64) - truth).mean())


def label_index_mse(answers: Labels, labels: Labels, genres: Sequence[str]) -> float:
    """Mean squared difference between the number of the genre answered and of the true one, genres sorted by name.

    Seed 001 quotes an MSE of 4.664 for an accuracy of 0.625. No difference of probabilities can be so large, so it is
    that of scikit-learn's label codes, which count genres by name. It says how far apart two genres are in the
    alphabet: keep it for comparing with that source, and read nothing else into it.
    """
    codes = np.argsort(np.argsort(np.asarray(genres)))
    return float(np.square(codes[answers] - codes[labels]).mean())


def expected_calibration_error(probabilities: Probabilities, labels: Labels, bins: int = BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width confidence bins, weighted by tracks."""
    return calibration_error(reliability(probabilities, labels, bins))
