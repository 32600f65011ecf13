"""A wavelet scalogram as a picture of fixed size (seed 004), by PyWavelets."""

from collections.abc import Iterator

import numpy as np
import pywt

from genre_batch.decode.resample import resample
from genre_batch.decode.waveform import Samples
from genre_batch.features.picture import Picture, Powers, even_means, unit_decibels

_WAVELET = "cmor4.0-1.0"  # complex Morlet; at half of its power it is a quarter of an octave wide
_PRECISION = 12  # with 10, steps of the tabulated wavelet let loud tones leak into quiet rows
_OCTAVES = 8
_SCALES_PER_OCTAVE = 8
_HIGHEST_HZ = 8_000.0
_LEAST_SCALE = 2.75  # samples a period; a shorter wavelet would reach past half the sample rate


def scalogram_image(samples: Samples, *, sample_rate: int, size: int) -> Picture:
    """The power of the wavelet transform of `samples` [n] as a picture [size, size] float32.

    1 is its loudest point, 0 is 80 dB below. Rows rise evenly in octaves from 34 Hz to 8 kHz, or to 0.36 of the sample
    rate where that is lower. Columns share the time evenly; each is the mean power of its part.
    """
    smallest = max(_LEAST_SCALE, sample_rate / _HIGHEST_HZ)
    scales = smallest * 2.0 ** (np.arange(_SCALES_PER_OCTAVE) / _SCALES_PER_OCTAVE)
    power = np.concatenate(list(_octaves(samples, scales, size)))[::-1]
    return unit_decibels(_stretch_rows(power, size))


def _octaves(samples: Samples, scales: Powers, size: int) -> Iterator[Powers]:
    """Power [len(scales), size] of each octave, highest first.

    Each octave is heard at half the rate of the one above it, so that its wavelets are as short as those of the first:
    all octaves together cost twice as much as the first one alone.
    """
    for _ in range(_OCTAVES):
        yield np.stack([even_means(_power(samples, scale), size) for scale in scales])
        samples = resample(samples, 2, 1)


def _power(samples: Samples, scale: float) -> Powers:
    """Squared magnitude [n] of one row of the transform; divided by the scale, so that a tone is as loud in any row."""
    (waves,), _ = pywt.cwt(samples, [scale], _WAVELET, method="conv", precision=_PRECISION)
    return np.asarray((np.square(waves.real) + np.square(waves.imag)) / scale, np.float64)


def _stretch_rows(power: Powers, size: int) -> Powers:
    """`power` [n, columns] as [size, columns], with straight lines between its rows: the wavelets overlap by far."""
    places = np.linspace(0.0, len(power) - 1.0, size)
    below = np.minimum(places.astype(int), len(power) - 2)
    share = (places - below)[:, None]
    return np.asarray(power[below] * (1.0 - share) + power[below + 1] * share, np.float64)
