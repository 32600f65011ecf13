"""The mistakes that a confidence does not warn of: where to look first for wrong labels and for blind spots."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.evaluation.reliability import Labels, Probabilities

WORST = 20


class Mistake(BaseModel):
    """A track with its true genre, the wrong one it was answered with, and how probable the model took each for."""

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
    """The wrong answers, most confident first, at most `most` of them.

    probabilities: [n, n_genres], columns as `genres`. labels: [n], true genres of the `tracks` [n].
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
