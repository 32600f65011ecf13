"""What decoding yields: the window of a track as mono samples."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waveform:
    """The decoded window of one track: mono, full scale is 1.0, at the file's own sample rate.

    samples: [n] float32. duration_s: the whole track. window_start_s: where `samples` begin in it.
    decoder: the library that read it, e.g. "soundfile" or "av".
    """

    samples: Samples
    sample_rate: int
    duration_s: float
    window_start_s: float
    decoder: str
