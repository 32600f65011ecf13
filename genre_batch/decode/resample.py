"""Sample rate conversion."""

import numpy as np
import soxr

from genre_batch.decode.waveform import Samples


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """`samples` [n] at `to_rate` Hz, by soxr at quality HQ; the same array where the rates are equal.

    The length is ceil(n * to_rate / from_rate), as in `librosa.resample`: where soxr gives one sample
    less, a zero is appended.
    """
    if from_rate == to_rate:
        return samples
    length = -(-len(samples) * to_rate // from_rate)
    converted = soxr.resample(samples, from_rate, to_rate, quality="HQ").astype(np.float32, copy=False)[:length]
    return np.pad(converted, (0, length - len(converted)))
