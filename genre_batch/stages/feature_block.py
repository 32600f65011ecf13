"""What travels from the extract stage to the next one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_batch.features.segments import Segments


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """The segments of one batch, as one object of some megabytes.

    segments: [n, rows, columns]. track_rows: [n] int32, for each segment the row of its track in the batch, ascending.
    tracks: how many tracks the batch has, rejected ones included.
    """

    segments: Segments
    track_rows: npt.NDArray[np.int32]
    tracks: int
