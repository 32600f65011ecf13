"""What travels between the two actors, and what each reports to the driver."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.reject import Reject
from genre_batch.features.front_end import Segments
from genre_batch.model.scores import Score


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """The segments of one batch, as one object of some megabytes.

    segments: [n, rows, columns]. track_rows: [n] int32, for each segment the row of its track
    in the batch, ascending. tracks: how many tracks the batch has, rejected ones included.
    """

    segments: Segments
    track_rows: npt.NDArray[np.int32]
    tracks: int


@dataclass(frozen=True, slots=True)
class Extraction:
    """What is known of a track once it has segments."""

    duration_s: float
    window_start_s: float
    decoder: str


@dataclass(frozen=True, slots=True)
class ExtractReport:
    """One outcome a track of the batch, in its order; what this call read, in requests and bytes, and its CPU seconds.

    The child process is included.
    """

    outcomes: tuple[Extraction | Reject, ...]
    bytes_read: int
    reads: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class TrackFeatures:
    """The answer for one track where no model is asked: its segments [n, rows, columns]."""

    segments: Segments


@dataclass(frozen=True, slots=True)
class PredictReport:
    """One outcome a track of the batch, in its order; None for a track without segments."""

    outcomes: tuple[Score | TrackFeatures | Reject | None, ...]
    cpu_s: float
