"""The decoded window of a track, mono, and its resampling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from genre_batch.catalog.track import TrackFacts

Samples = npt.NDArray[np.float32]

Planes = Sequence[Samples] | Samples
"""One array [n] float32 per channel, or the columns of interleaved frames: [channels, n]."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """What was decoded of one track: mono, full scale is 1.0, at the file's own sample rate.

    pieces: [n] float32 each, in order; the first begins `facts.window_start_s` into the track.
    """

    pieces: tuple[Samples, ...]
    sample_rate: int
    facts: TrackFacts

    @property
    def samples(self) -> Samples:
        """All pieces, one after another: [n] float32."""
        return self.pieces[0] if len(self.pieces) == 1 else np.concatenate(self.pieces)


def downmix(planes: Planes) -> Samples:
    """The mean over channels of `planes`, one array [n] float32 per channel, as a new array [n] float32.

    For interleaved frames [n, channels] pass the columns. They are added one by one: `mean(axis=1)` reduces rows of
    two, which takes about forty times as long.
    """
    if len(planes) == 1:
        return np.array(planes[0])
    with np.errstate(invalid="ignore", over="ignore"):  # noise read as floats: the track is rejected as not_finite
        total: Samples = planes[0] + planes[1]
        for plane in planes[2:]:
            total += plane
        total *= np.float32(1.0 / len(planes))
    return total


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """`samples` [n] at `to_rate` Hz, by soxr at quality HQ; the same array if the rates are equal.

    The length is ceil(n * to_rate / from_rate), as in `librosa.resample`: a zero is appended if soxr yields one sample
    less.
    """
    if from_rate == to_rate:
        return samples
    length = -(-len(samples) * to_rate // from_rate)
    converted = soxr.resample(samples, from_rate, to_rate, quality="HQ").astype(np.float32, copy=False)[:length]
    return np.pad(converted, (0, length - len(converted)))
