"""The two tables a run writes, as rows."""

from dataclasses import dataclass

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.model.scores import Score


@dataclass(frozen=True, slots=True)
class ScoredTrack:
    """One row of `scores`, but for the columns that are the same for the whole run."""

    track: Track
    duration_s: float
    window_start_s: float
    decoder: str
    score: Score


@dataclass(frozen=True, slots=True)
class RejectedTrack:
    """One row of `rejects`, but for the columns that are the same for the whole run."""

    track: Track
    reject: Reject
    attempts: int
