"""The answer for one track."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GenreProbability:
    """One entry of a track's `top_k`."""

    genre: str
    probability: float


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated answer: `genre` is None when the model abstains; `top_k` is sorted, most probable first."""

    genre: str | None
    confidence: float
    top_k: tuple[GenreProbability, ...]
    abstained: bool
    segments: int
