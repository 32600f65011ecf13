"""Figures of a classifier on labelled tracks, from its probabilities."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]


class GenreFigures(BaseModel):
    """Figures of one genre. `tracks`: how many tracks truly are of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    precision: float
    recall: float
    f1: float
    tracks: int


class Metrics(BaseModel):
    """Figures over tracks. `confusion_matrix[i][j]`: tracks of genre i answered j, in the order of `genres`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    accuracy: float
    macro_f1: float
    top_3_accuracy: float
    log_loss: float
    expected_calibration_error: float
    genres: list[str]
    per_genre: dict[str, GenreFigures]
    confusion_matrix: list[list[int]]

    def confusion_table(self) -> str:
        """The confusion matrix for a terminal: a line a true genre, a column an answer, in the same order."""
        width = max(len(genre) for genre in self.genres)
        lines = zip(self.genres, self.confusion_matrix, strict=True)
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
        macro_f1=float(np.mean([figures.f1 for figures in per_genre.values() if figures.tracks])),
        top_3_accuracy=top_k_accuracy(probabilities, labels, 3),
        log_loss=log_loss(probabilities, labels),
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


def expected_calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 10) -> float:
    """Mean gap between confidence and accuracy over equal-width confidence bins, weighted by tracks.

    The measure of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((correct[which == b] - confidence[which == b]).sum()) for b in range(bins)]
    return float(sum(gaps) / len(labels))
