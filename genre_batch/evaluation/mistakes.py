"""The most confident wrong answers: where to look for wrong labels and blind spots."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.evaluation.metrics import Probabilities
from genre_batch.model.scores import Labels

WORST = 20


class Mistake(BaseModel):
    """A track with its true genre, the wrong answer to it, and the probability the model gave to each."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    track_id: str
    uri: str
    genre: str
    answer: str
    confidence: float
    genre_probability: float


def worst_mistakes(
    probabilities: Probabilities,
    labels: Labels,
    tracks: Sequence[LabelledTrack],
    genres: Sequence[str],
    most: int = WORST,
) -> list[Mistake]:
    """The wrong answers, most confident first, at most `most` of them: where to look for wrong labels and blind spots.

    probabilities: [n, n_genres], columns as `genres`. labels: [n], the true genres of `tracks` [n].
    """
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = order[(answers != labels)[order]][:most]
    return [
        Mistake(
            track_id=tracks[row].track.track_id,
            uri=tracks[row].track.uri,
            genre=genres[labels[row]],
            answer=genres[answers[row]],
            confidence=float(confidence[row]),
            genre_probability=float(probabilities[row, labels[row]]),
        )
        for row in wrong.tolist()
    ]
