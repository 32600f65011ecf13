"""The answer for one track."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from genre_batch.model.calibration import Floats
from genre_batch.model.taxonomy import Taxonomy

SUM_TOLERANCE = 1e-4

NEVER = 1.0
"""A threshold that no confidence reaches, not even one that was rounded to 1."""


GenreProbability = tuple[str, float]
"""A genre and its probability: one entry of a track's `top_k`. Plain, since ten of them a track go to the driver."""


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated answer: `genre` is None when the model abstains; `top_k` is sorted, most probable first."""

    genre: str | None
    confidence: float
    top_k: tuple[GenreProbability, ...]
    abstained: bool
    segments: int


def to_score(
    probabilities: Floats, taxonomy: Taxonomy, thresholds: Mapping[str, float], *, segments: int, top_k: int = 3
) -> Score:
    """The answer that `probabilities` [g] amount to, with the `top_k` best genres; of equal ones the first listed.

    The model abstains where the best genre's probability is below that genre's threshold, or that is NEVER; a genre
    without one is always answered. Raises ValueError if the probabilities are not finite or do not sum to 1 within
    SUM_TOLERANCE.
    """
    if not np.isfinite(probabilities).all() or abs(float(probabilities.sum()) - 1.0) > SUM_TOLERANCE:
        raise ValueError("probabilities must be finite and sum to 1")
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    best = tuple((taxonomy.genres[i], float(probabilities[i])) for i in order)
    genre, confidence = best[0]
    least = thresholds.get(genre, 0.0)
    abstained = confidence < least or least >= NEVER
    return Score(None if abstained else genre, confidence, best, abstained, segments)
