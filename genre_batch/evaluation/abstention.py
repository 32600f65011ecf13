"""How good the answers are that a model gives when it may abstain."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from genre_batch.evaluation.intervals import Interval, mean_interval
from genre_batch.evaluation.metrics import Probabilities
from genre_batch.model.scores import NEVER, Labels

Answered = npt.NDArray[np.bool_]


class GenreAnswers(BaseModel):
    """The answers about one genre.

    threshold: the lowest confidence it is answered with, null if it has none. given: how many tracks were answered
    with it. precision: the share of those that is right. answered: of the tracks truly of it, the share that got an
    answer. answered_accuracy: the share of those that is right. A share of nothing is null. intervals: 95 % of each
    share that is not null, by its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    threshold: float | None
    given: int
    precision: float | None
    answered: float | None
    answered_accuracy: float | None
    intervals: dict[str, Interval]


def answered(probabilities: Probabilities, thresholds: Mapping[str, float], genres: Sequence[str]) -> Answered:
    """Whether each track [n] gets an answer: whether its best probability reaches the threshold of that genre.

    probabilities: [n, n_genres], columns as `genres`. The rule is that of `model.scores.to_score`.
    """
    by_genre = np.array([thresholds.get(genre, 0.0) for genre in genres])
    threshold = by_genre[probabilities.argmax(axis=1)]
    given: Answered = (probabilities.max(axis=1) >= threshold) & (threshold < NEVER)
    return given


def genre_answers(
    probabilities: Probabilities,
    labels: Labels,
    given: Answered,
    thresholds: Mapping[str, float],
    genres: Sequence[str],
    groups: Sequence[str],
) -> dict[str, GenreAnswers]:
    """The figures of each genre's answers, for probabilities [n, n_genres], true labels [n] and artists [n].

    given: [n], whether each track gets an answer.
    """
    best, artist = probabilities.argmax(axis=1), np.asarray(groups)
    right = best == labels
    found = {}
    for index, genre in enumerate(genres):
        named, true = given & (best == index), labels == index
        shares = {"precision": (right, named), "answered": (given, true), "answered_accuracy": (right, given & true)}
        found[genre] = GenreAnswers(
            threshold=thresholds.get(genre),
            given=int(named.sum()),
            **{name: share(values[among]) for name, (values, among) in shares.items()},
            intervals=answer_intervals(shares, artist),
        )
    return found


def answer_intervals(
    shares: Mapping[str, tuple[Answered, Answered]], artist: npt.NDArray[np.str_]
) -> dict[str, Interval]:
    """The interval of the share of `values` [n] among the tracks `among` [n], by name, without shares of nothing.

    shares: `values` and `among` by name. artist: [n].
    """
    return {
        name: mean_interval(values[among], artist[among].tolist())
        for name, (values, among) in shares.items()
        if among.any()
    }


def share(true: Answered) -> float | None:
    """The share of `true` [n] that is True; None if n is 0."""
    return float(true.mean()) if len(true) else None
