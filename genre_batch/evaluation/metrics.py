"""The metrics of an evaluation: how often a model is right, and whether its confidence means what it says.

To add a metric, write its function, add a field to `Metrics` and a row to `METRICS`: every report lists the rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.model.scores import Labels

Probabilities = npt.NDArray[np.floating]

CONFIDENCE_BINS = 10


class ReliabilityBin(BaseModel):
    """The tracks whose confidence falls into one bin: their number, mean confidence, and share of right answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    confidence: float
    accuracy: float


class GenreFigures(BaseModel):
    """The figures of one genre. tracks: how many tracks truly are of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    precision: float
    recall: float
    f1: float
    tracks: int


class Metrics(BaseModel):
    """The metrics of `METRICS` over `tracks` tracks, and the figures of each genre.

    confusion_matrix[i][j]: tracks of genre i answered with genre j, in the order of `genres`. roc_auc: null if fewer
    than two genres occur.
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
        """The confusion matrix for a terminal: one line per true genre, one column per answer, in the same order."""
        names = [printable(genre) for genre in self.genres]
        width = max(map(len, names))
        lines = zip(names, self.confusion_matrix, strict=True)
        return "\n".join(f"  {genre:<{width}}" + "".join(f"{n:6,}" for n in counts) for genre, counts in lines)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. name: its field of `Metrics`. title, note: what people read. digits: behind the decimal point.

    compute: takes probabilities [n, n_genres], true labels [n] and the names of the genres; None if undefined.
    """

    name: str
    title: str
    note: str
    compute: Callable[[Probabilities, Labels, Sequence[str]], float | None]
    digits: int = 3

    def text(self, value: float | None) -> str:
        """`value` as people read it."""
        return "undefined" if value is None else f"{value:,.{self.digits}f}"


def measure(probabilities: Probabilities, labels: Labels, genres: Sequence[str]) -> Metrics:
    """All metrics for probabilities [n, n_genres] and true labels [n] (indices into `genres`), n >= 1.

    A genre that is never answered has precision 0.

    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> metrics = measure(probabilities, np.array([0, 1, 1]), ["jazz", "rock"])
    >>> round(metrics.accuracy, 3), metrics.confusion_matrix
    (0.667, [[1, 0], [1, 1]])
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    answers = probabilities.argmax(axis=1)
    every = np.arange(len(genres))
    columns = precision_recall_fscore_support(labels, answers, labels=every, zero_division=0.0)
    per_genre = {
        genre: GenreFigures(precision=float(p), recall=float(r), f1=float(f1), tracks=int(n))
        for genre, p, r, f1, n in zip(genres, *columns, strict=True)
    }
    figures = {metric.name: metric.compute(probabilities, labels, genres) for metric in METRICS}
    counts = {
        "tracks": len(labels),
        "genres": list(genres),
        "per_genre": per_genre,
        "confusion_matrix": confusion_matrix(labels, answers, labels=every).tolist(),
    }
    return Metrics.model_validate(figures | counts)


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """The share of tracks whose most probable genre is the true one."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, probabilities.argmax(axis=1)))


def top_k_accuracy(probabilities: Probabilities, labels: Labels, k: int) -> float:
    """The share of tracks whose true genre is among the `k` most probable; of equal ones, the first counts.

    scikit-learn prefers the last of equal ones, but the answer to a track is the first.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def log_loss(probabilities: Probabilities, labels: Labels) -> float:
    """The mean negative log of the probability of the true genre, in nats; a zero counts as 1e-12.

    scikit-learn's floor depends on the type: it is 1e-7 for float32.
    """
    true = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, 1e-12)).mean())


def macro_f1(answers: Labels, labels: Labels) -> float:
    """The mean F1 over the genres that occur among the true `labels` [n]; `answers` [n] are genres as well.

    Computed here because a bootstrap takes it a thousand times, and scikit-learn needs milliseconds per call.
    """
    n_genres = 1 + max(int(answers.max()), int(labels.max()))
    true, given, hits = (np.bincount(x, minlength=n_genres) for x in (labels, answers, labels[answers == labels]))
    occurs = true > 0
    return float((2 * hits[occurs] / (true + given)[occurs]).mean())


def roc_auc(probabilities: Probabilities, labels: Labels) -> float | None:
    """The mean area under the ROC curve of each genre that occurs against the rest; None if only one genre occurs."""
    from sklearn.metrics import roc_auc_score

    genres = np.unique(labels)
    if len(genres) < 2:
        return None
    return float(roc_auc_score(labels[:, None] == genres, probabilities[:, genres], average="macro"))


def mean_squared_error(probabilities: Probabilities, labels: Labels) -> float:
    """The mean squared difference between probabilities [n, n_genres] and 1 for the true genre, 0 for the others.

    The mean is over tracks and genres: the score of Brier (1950) divided by the number of genres.
    """
    from sklearn.metrics import mean_squared_error as squared_error

    return float(squared_error(np.eye(probabilities.shape[1])[labels], probabilities))


def label_index_mse(answers: Labels, labels: Labels, genres: Sequence[str]) -> float:
    """The mean squared difference between the numbers of the answered and the true genre, genres numbered by name.

    "Music Genre Classification through Convolutional Neural Networks" (Giamatti and Smith 2020) reports an MSE of 4.664
    at an accuracy of 0.625. No difference of probabilities can be that large: it is the difference of scikit-learn's
    label codes, which number genres by name. It measures how far apart two genres are in the alphabet, and is kept only
    for comparison with that article.
    """
    from sklearn.metrics import mean_squared_error as squared_error

    codes = label_codes(genres)
    return float(squared_error(codes[labels], codes[answers]))


def label_codes(genres: Sequence[str]) -> npt.NDArray[np.int64]:
    """The number of each genre by name, [n_genres]: 0 for the first of the alphabet."""
    codes: npt.NDArray[np.int64] = np.argsort(np.argsort(np.asarray(genres)))
    return codes


def reliability(probabilities: Probabilities, labels: Labels, bins: int = CONFIDENCE_BINS) -> list[ReliabilityBin]:
    """The bins of equal width that hold tracks, in order of confidence.

    probabilities: [n, n_genres]. labels: [n], the true genres. They make a reliability diagram (Niculescu-Mizil and
    Caruana, "Predicting Good Probabilities With Supervised Learning", ICML 2005).
    """
    return list(_bins(probabilities, labels, bins))


def _bins(probabilities: Probabilities, labels: Labels, bins: int) -> Iterator[ReliabilityBin]:
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    for number in np.unique(bin_of):
        inside = bin_of == number
        yield ReliabilityBin(
            tracks=int(inside.sum()), confidence=float(confidence[inside].mean()), accuracy=float(right[inside].mean())
        )


def calibration_error(diagram: list[ReliabilityBin]) -> float:
    """The expected calibration error: the mean gap between confidence and accuracy, weighted by tracks.

    The measure of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    tracks = sum(each.tracks for each in diagram)
    return sum(each.tracks * abs(each.accuracy - each.confidence) for each in diagram) / tracks


def expected_calibration_error(probabilities: Probabilities, labels: Labels, bins: int = CONFIDENCE_BINS) -> float:
    """The calibration error over equal-width bins of confidence."""
    return calibration_error(reliability(probabilities, labels, bins))


METRICS = (
    Metric("accuracy", "accuracy", "share of tracks", lambda p, labels, _: accuracy(p, labels)),
    Metric("macro_f1", "macro F1", "mean over genres", lambda p, labels, _: macro_f1(p.argmax(axis=1), labels)),
    Metric("top_3_accuracy", "among the top 3", "share of tracks", lambda p, labels, _: top_k_accuracy(p, labels, 3)),
    Metric("roc_auc", "ROC-AUC", "one against the rest, mean", lambda p, labels, _: roc_auc(p, labels)),
    Metric(
        "expected_calibration_error",
        "calibration error",
        "mean gap between confidence and accuracy",
        lambda p, labels, _: expected_calibration_error(p, labels),
    ),
    Metric("log_loss", "log loss", "nats", lambda p, labels, _: log_loss(p, labels)),
    Metric(
        "mean_squared_error",
        "squared error",
        "of the probabilities",
        lambda p, labels, _: mean_squared_error(p, labels),
        4,
    ),
    Metric(
        "label_index_mse",
        "label index error",
        "squared, genres numbered by name",
        lambda p, labels, genres: label_index_mse(p.argmax(axis=1), labels, genres),
    ),
)
"""All metrics, in the order in which reports list them."""
