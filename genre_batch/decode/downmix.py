"""Many channels to one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genre_batch.decode.waveform import Samples


def downmix(planes: Sequence[npt.NDArray[np.float32]]) -> Samples:
    """The mean over channels of `planes`, one array [n] float32 for each, as a new array [n] float32.

    For interleaved frames [n, channels] pass the columns. They are added one by one: `mean(axis=1)` reduces rows of
    two, which takes some forty times as long.
    """
    if len(planes) == 1:
        return planes[0].copy()
    total = planes[0] + planes[1]
    for plane in planes[2:]:
        total += plane
    total *= np.float32(1.0 / len(planes))
    return total
