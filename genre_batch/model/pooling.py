"""From the segments of a track to one answer."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from genre_batch.model.calibration import Floats

Pooling = Literal["mean_probability"]


def pool(probabilities: Floats, track_rows: npt.NDArray[np.int32], n_tracks: int) -> Floats:
    """The mean of each track's calibrated `probabilities` [n, g], as [n_tracks, g] float32.

    `track_rows` [n] says which track a segment belongs to. A track without segments gets NaN.
    Probabilities rather than logits are averaged: one segment of which the network is very sure (an intro, applause)
    then cannot outvote all others, and the result sums to 1 by itself.
    """
    sums = np.zeros((n_tracks, probabilities.shape[1]))
    np.add.at(sums, track_rows, probabilities)
    counts = np.bincount(track_rows, minlength=n_tracks).astype(np.float64)
    counts[counts == 0] = np.nan
    return (sums / counts[:, None]).astype(np.float32)
