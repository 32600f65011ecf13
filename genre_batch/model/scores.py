"""From logits to the scores of a track: taxonomy, calibration, pooling and abstention."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
"""The true genres of segments or tracks, [n], as indices into the taxonomy."""


class Taxonomy(BaseModel):
    """The closed, ordered list of genres that a model can answer: `genres[i]` names output i of the network."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    genres: list[Annotated[str, Field(min_length=1)]] = Field(min_length=2)

    @model_validator(mode="after")
    def _no_genre_twice(self) -> Self:
        if len(set(self.genres)) != len(self.genres):
            raise ValueError("a genre is listed twice")
        return self


class Calibration(BaseModel):
    """The logits are divided by `temperature`; 1 keeps the network's own confidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    temperature: FiniteFloat = Field(default=1.0, gt=0)


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities [n, g] float32 of `logits` [n, g]; each row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    log_probabilities: npt.NDArray[np.float64] = scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    probabilities: Floats = np.exp(log_probabilities).astype(np.float32)
    return probabilities


Pooling = Literal["mean_probability", "loud_logits"]
"""How the segments of a track become one answer: by the mean of their probabilities, or by that of their logits, each
weighted by the segment's loudness. The second lets pauses, openings and applause hardly vote."""


def pool(probabilities: Floats, track_rows: npt.NDArray[np.int32], n_tracks: int) -> Floats:
    """The mean of each track's calibrated `probabilities` [n, g], as [n_tracks, g] float32.

    `track_rows` [n] says which track a segment belongs to. A track without segments gets NaN.
    Probabilities rather than logits are averaged: a single segment that the network is very sure about (an intro,
    applause) then cannot outvote all others, and the result sums to 1 by construction.
    """
    sums = np.zeros((n_tracks, probabilities.shape[1]))
    np.add.at(sums, track_rows, probabilities)
    counts = np.bincount(track_rows, minlength=n_tracks).astype(np.float64)
    counts[counts == 0] = np.nan
    return (sums / counts[:, None]).astype(np.float32)


def pooled_answers(
    logits: Floats, loudness: Floats | None, track_rows: npt.NDArray[np.int32], n_tracks: int, temperature: float
) -> Floats:
    """Probabilities [n_tracks, g] of tracks from the `logits` [n, g] of their segments; see `pool` for `track_rows`.

    loudness: [n], what weights the logits; None averages the probabilities instead.
    """
    if loudness is None:
        return pool(softmax(logits, temperature), track_rows, n_tracks)
    sums = np.zeros((n_tracks, logits.shape[1]))
    np.add.at(sums, track_rows, logits.astype(np.float64) * loudness[:, None])
    # without segments, numpy counts in integers
    weights = np.bincount(track_rows, weights=loudness, minlength=n_tracks).astype(np.float64)
    weights[weights == 0] = np.nan
    return softmax((sums / weights[:, None]).astype(np.float32), temperature)


SUM_TOLERANCE = 1e-4

NEVER = 1.0
"""A threshold that no confidence reaches, not even one that is rounded to 1."""


GenreProbability = tuple[str, float]
"""A genre and its probability, an entry of `top_k`. A plain tuple, because up to ten per track go to the driver."""


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated answer. `genre` is None if the model abstains; `top_k` is sorted, most probable first.

    in_scope: the share of music of the genres that is less typical of them; None without such a score. tags: with
    their probabilities, most probable first; None if they were not asked for.
    embedding: float16 values, little-endian, if the bundle has a projection for them.
    """

    genre: str | None
    confidence: float
    top_k: tuple[GenreProbability, ...]
    abstained: bool
    segments: int
    embedding: bytes | None = None
    in_scope: float | None = None
    tags: tuple[GenreProbability, ...] | None = None


def to_score(
    probabilities: Floats,
    taxonomy: Taxonomy,
    thresholds: Mapping[str, float],
    *,
    segments: int,
    top_k: int = 3,
    in_scope: float | None = None,
    min_in_scope: float = 0.0,
) -> Score:
    """The answer that `probabilities` [g] give, with the `top_k` best genres; of equal ones the first listed.

    The model abstains if the best genre's probability is below that genre's threshold, or the threshold is NEVER, or
    `in_scope` is below `min_in_scope`; a genre without a threshold is always answered. Raises ValueError if the
    probabilities are not finite or do not sum to 1 within SUM_TOLERANCE.
    """
    if not np.isfinite(probabilities).all() or abs(float(probabilities.sum()) - 1.0) > SUM_TOLERANCE:
        raise ValueError("probabilities must be finite and sum to 1")
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    best = tuple((taxonomy.genres[i], float(probabilities[i])) for i in order)
    genre, confidence = best[0]
    least = thresholds.get(genre, 0.0)
    strange = in_scope is not None and in_scope < min_in_scope
    abstained = confidence < least or least >= NEVER or strange
    return Score(None if abstained else genre, confidence, best, abstained, segments, in_scope=in_scope)
