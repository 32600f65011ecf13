"""A spectrogram as a picture of fixed size (seed 004)."""

import numpy as np

from genre_batch.decode.waveform import Samples
from genre_batch.features.picture import Picture, Powers, area_means, even_means, unit_decibels

_OCTAVES = 8.0  # down from half the sample rate: 43 Hz to 11 kHz at 22,050 Hz
_BLOCK_FRAMES = 256


def spectrogram_image(samples: Samples, *, n_fft: int, hop_length: int, size: int) -> Picture:
    """The spectrogram of `samples` [n] as a picture [size, size] float32: 1 is its loudest point, 0 is 80 dB below.

    Row 0 is the lowest band; all rows are one part of an octave wide and together reach 8 octaves down from half the
    sample rate. Columns share the time evenly. Values are mean powers of such areas (Hann window, centred frames), so
    the level of the sound does not matter, and nothing between two pixels is lost.
    """
    frames = _power(samples, n_fft, hop_length)
    edges = (n_fft // 2) * 2.0 ** np.linspace(-_OCTAVES, 0.0, size + 1) + 0.5
    return unit_decibels(even_means(area_means(frames, edges).T, size))


def _power(samples: Samples, n_fft: int, hop_length: int) -> Powers:
    """|STFT|^2 [1 + n // hop_length, 1 + n_fft // 2] of the zero-padded samples, as `librosa.stft` cuts its frames."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    padded = np.pad(samples.astype(np.float64), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    blocks = [frames[start : start + _BLOCK_FRAMES] for start in range(0, len(frames), _BLOCK_FRAMES)]
    spectra = [np.fft.rfft(block * window) for block in blocks]
    return np.concatenate([np.square(part.real) + np.square(part.imag) for part in spectra])
