"""The confidence from which a genre is answered, so that a stated share of the answers to other tracks is right."""

import numpy as np
import numpy.typing as npt

from genre_batch.model.scores import NEVER, Floats, Labels

SURE = 0.9
"""Confidence level at which a threshold must reach its target, by the tracks that it is found on."""

_Counts = npt.NDArray[np.int64]
_Booleans = npt.NDArray[np.bool_]


def fit_thresholds(probabilities: Floats, labels: Labels, target: float, *, repeats: int = 1) -> list[float]:
    """For each genre, the lowest confidence at which a share of `target` of its answers are right.

    probabilities: [n, n_genres] of held-out tracks; labels: [n]; each track occurs `repeats` times, which adds no
    evidence. A common threshold comes first: the lowest at which the precision of the answers above it, all genres
    together, is at least `target` with a probability of SURE (one-sided Clopper-Pearson bound; a single genre has too
    few tracks for it). A genre whose own answers above it are right less often has the lowest higher threshold
    from which they are not, or NEVER. If no common threshold is good enough, all genres have NEVER.
    """
    confidence, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    right = answers == labels
    common = _common_threshold(confidence, right, target, repeats)
    above = confidence >= common
    return [
        _own_threshold(confidence[above & (answers == genre)], right[above & (answers == genre)], target, common)
        for genre in range(probabilities.shape[1])
    ]


def surely_right(right: _Counts, given: _Counts, repeats: int = 1) -> npt.NDArray[np.float64]:
    """The lower bound [n] of the precision behind each `right` of `given` answers, [n], with a probability of SURE.

    It is that of Clopper and Pearson (Biometrika 1934). repeats: how often each track was counted.
    """
    from scipy.special import betaincinv

    bound = betaincinv(np.maximum(right, 1) / repeats, (given - right) / repeats + 1.0, 1.0 - SURE)
    return np.where(right > 0, bound, 0.0)


def _common_threshold(confidence: Floats, right: _Booleans, target: float, repeats: int) -> float:
    places, rights, counts = _admitted(confidence, right)
    enough = np.flatnonzero(surely_right(rights, counts, repeats) >= target)
    return float(places[enough[-1]]) if len(enough) else NEVER


def _own_threshold(confidence: Floats, right: _Booleans, target: float, common: float) -> float:
    """`common`, or the lowest higher threshold at which `target` of a genre's answers above `common` are right."""
    if common >= NEVER or not len(confidence):
        return common
    places, rights, counts = _admitted(confidence, right)
    enough = np.flatnonzero(rights >= target * counts)
    if not len(enough):
        return NEVER
    return common if enough[-1] == len(places) - 1 else float(places[enough[-1]])


def _admitted(confidence: Floats, right: _Booleans) -> tuple[Floats, _Counts, _Counts]:
    """The different confidences, highest first, and the right ones and all of the answers that each admits.

    A threshold admits all tracks of the same confidence, or none.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    last = np.append(ordered[1:] < ordered[:-1], True)[: len(order)]
    counts = np.arange(1, len(order) + 1)
    return ordered[last], np.cumsum(right[order])[last], counts[last]
