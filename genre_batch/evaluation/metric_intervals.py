"""The interval of every metric of an evaluation, by resampling artists."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from genre_batch.evaluation.intervals import Interval, TrackRows, grouped_bootstrap, mean_interval
from genre_batch.evaluation.metrics import CONFIDENCE_BINS, Probabilities, label_codes, macro_f1
from genre_batch.model.scores import Labels

_LEAST_PROBABILITY = 1e-12


def metric_intervals(
    probabilities: Probabilities, labels: Labels, genres: Sequence[str], groups: Sequence[str]
) -> dict[str, Interval]:
    """The interval of each metric of `METRICS` by its name, without that of an undefined one.

    probabilities: [n, n_genres]. labels: [n], the true genres. groups: [n], the artist of each track.
    """
    best = probabilities.argmax(axis=1)
    of_truth = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    ahead = np.argsort(-probabilities, axis=1, kind="stable")[:, :3] == labels[:, None]
    codes = label_codes(genres)
    means = {
        "accuracy": best == labels,
        "top_3_accuracy": ahead.any(axis=1),
        "log_loss": -np.log(np.maximum(of_truth, _LEAST_PROBABILITY)),
        "mean_squared_error": np.square(probabilities - np.eye(probabilities.shape[1])[labels]).mean(axis=1),
        "label_index_mse": np.square(codes[labels] - codes[best]).astype(np.float64),
    }
    found = {name: mean_interval(values, groups) for name, values in means.items()}
    found["macro_f1"] = grouped_bootstrap(lambda rows: macro_f1(best[rows], labels[rows]), groups)
    found["expected_calibration_error"] = calibration_interval(probabilities, labels, groups)
    if len(np.unique(labels)) > 1:
        found["roc_auc"] = grouped_bootstrap(area_by_rows(probabilities, labels), groups)
    return found


def loss_interval(probabilities: Probabilities, labels: Labels, groups: Sequence[str]) -> Interval:
    """The interval of the log loss, in nats."""
    of_truth = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return mean_interval(-np.log(np.maximum(of_truth, _LEAST_PROBABILITY)), groups)


def calibration_interval(probabilities: Probabilities, labels: Labels, groups: Sequence[str]) -> Interval:
    """The interval of the expected calibration error, reflected at the figure itself.

    The error of a finite sample is too large, because gaps by chance do not cancel, and a resample doubles that excess.
    Reflecting the resamples at the figure takes it away again (Davison and Hinkley 1997, section 5.2.1).
    """
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - confidence
    bins = np.minimum((confidence * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)

    def error(rows: TrackRows) -> float:
        return float(np.abs(np.bincount(bins[rows], gap[rows], CONFIDENCE_BINS)).sum() / len(rows))

    return grouped_bootstrap(error, groups, reflected=True)


def area_by_rows(probabilities: Probabilities, labels: Labels) -> Callable[[TrackRows], float]:
    """`roc_auc` of the tracks in given rows; NaN if they are all of one genre.

    The scores are ranked once, because a bootstrap takes the area a thousand times.
    """
    ranks = [np.unique(column, return_inverse=True)[1] for column in probabilities.T]

    def area(rows: TrackRows) -> float:
        true = labels[rows]
        present = np.unique(true)
        if len(present) < 2:
            return float("nan")
        return float(np.mean([_area(ranks[genre][rows], true == genre) for genre in present]))

    return area


def _area(ranks: npt.NDArray[np.int64], is_genre: npt.NDArray[np.bool_]) -> float:
    """The probability that a track of the genre has a higher rank than another; equal ranks count half."""
    size = int(ranks.max()) + 1
    of_genre = np.bincount(ranks[is_genre], minlength=size)
    others = np.bincount(ranks[~is_genre], minlength=size)
    below = np.cumsum(others) - others / 2
    return float((of_genre * below).sum() / (of_genre.sum() * others.sum()))
