"""What the answers are worth that the model does give, where it may abstain."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from genre_batch.evaluation.reliability import Labels, Probabilities
from genre_batch.model.scores import NEVER

Answered = npt.NDArray[np.bool_]


class GenreAnswers(BaseModel):
    """The answers about one genre.

    threshold: the least confidence it is answered with, null where it always is. given: tracks answered with it, and
    precision the share of them that is right. answered: of the tracks truly of it, the share that gets an answer, and
    answered_accuracy the share of those that is right. Shares of nothing are null.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    threshold: float | None
    given: int
    precision: float | None
    answered: float | None
    answered_accuracy: float | None


def answered(probabilities: Probabilities, thresholds: Mapping[str, float], genres: Sequence[str]) -> Answered:
    """Whether each track [n] gets an answer: its best probability reaches the threshold of that genre, if it has one.

    probabilities: [n, n_genres], columns as `genres`. The rule is that of `model.scores.to_score`.
    """
    least = np.array([thresholds.get(genre, 0.0) for genre in genres])
    asked = least[probabilities.argmax(axis=1)]
    given: Answered = (probabilities.max(axis=1) >= asked) & (asked < NEVER)
    return given


def genre_answers(
    probabilities: Probabilities, labels: Labels, thresholds: Mapping[str, float], genres: Sequence[str]
) -> dict[str, GenreAnswers]:
    """The answers by genre, for probabilities [n, n_genres] and true labels [n]."""
    given, best = answered(probabilities, thresholds, genres), probabilities.argmax(axis=1)
    right = best == labels
    return {
        genre: GenreAnswers(
            threshold=thresholds.get(genre),
            given=int((given & (best == index)).sum()),
            precision=share(right[given & (best == index)]),
            answered=share(given[labels == index]),
            answered_accuracy=share(right[given & (labels == index)]),
        )
        for index, genre in enumerate(genres)
    }


def share(true: Answered) -> float | None:
    """The share of `true` [n] that is so; None where n is 0."""
    return float(true.mean()) if len(true) else None
