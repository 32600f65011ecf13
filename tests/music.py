"""A test sound with chords, a beat and a quiet background."""

import numpy as np

from genre_batch.decode.waveform import Samples
from genre_batch.model.golden import synthesise_chords


def music(length_s: float, sample_rate: int = 22_050) -> Samples:
    """[length_s * sample_rate] float32, deterministic."""
    return synthesise_chords(sample_rate, length_s).astype(np.float32) / np.float32(32768.0)
