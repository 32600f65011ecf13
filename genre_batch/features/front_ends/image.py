"""Images of the sound: its spectrogram and its wavelet scalogram, of a fixed size.

The inputs of "Music Genres Classification using Deep learning techniques" (Rai).
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from genre_batch.decode.waveform import Samples, resample
from genre_batch.features.front_end_base import EvenLength, SamplesFrontEnd
from genre_batch.features.segments import Values

Image = npt.NDArray[np.float32]
Powers = npt.NDArray[np.float64]

_RANGE_DB = 80.0
_LEAST_DB = -200.0  # far below the rounding of 24-bit sound

_SPECTROGRAM_OCTAVES = 8.0  # down from half the sample rate: 43 Hz to 11 kHz at 22,050 Hz
_BLOCK_FRAMES = 256

_WAVELET = "cmor4.0-1.0"  # complex Morlet; at half of its power it is a quarter of an octave wide
_PRECISION = 12  # with 10, steps of the tabulated wavelet let loud tones leak into quiet rows
_SCALOGRAM_OCTAVES = 8
_SCALES_PER_OCTAVE = 8
_HIGHEST_HZ = 8_000.0
_LEAST_SCALE = 2.75  # samples per period; a shorter wavelet would reach past half the sample rate


class ImageFrontEnd(SamplesFrontEnd):
    """Images of the sound with values from 0 to 1, one below the other: segments [n, len(images) * size, size]."""

    usual_stall_s: ClassVar[float] = 20.0

    name: Literal["image"] = "image"
    images: list[Literal["spectrogram", "scalogram"]] = Field(default=["spectrogram"], min_length=1)
    size: PositiveInt = 256
    n_fft: EvenLength = 2048
    hop_length: PositiveInt = 512

    @classmethod
    def with_all_libraries(cls) -> Self:
        """As in `BaseFrontEnd`; of a short sound, since its wavelets take long and every actor waits for them."""
        return cls(images=["spectrogram", "scalogram"], segment_s=2.0)

    @property
    def segment_shape(self) -> tuple[int, int]:
        """Rows of all images, and columns."""
        return len(self.images) * self.size, self.size

    def describe(self) -> str:
        """As in `BaseFrontEnd`."""
        images = " and ".join(self.images)
        return f"images ({images}) at {self.sample_rate} Hz in segments of up to {self.segment_s:g} s"

    def features(self, samples: Samples) -> Values:
        """As in `BaseFrontEnd`: samples too few for a segment are repeated to fill one."""
        pieces = self.filled_pieces(samples)
        return np.stack([np.concatenate([self._draw(piece, image) for image in self.images]) for piece in pieces])

    def _draw(self, samples: Samples, image: str) -> Image:
        if image == "spectrogram":
            return spectrogram_image(samples, n_fft=self.n_fft, hop_length=self.hop_length, size=self.size)
        return scalogram_image(samples, sample_rate=self.sample_rate, size=self.size)


def spectrogram_image(samples: Samples, *, n_fft: int, hop_length: int, size: int) -> Image:
    """The spectrogram of `samples` [n] as an image [size, size] float32: 1 is its loudest point, 0 is 80 dB below.

    Row 0 is the lowest band. All rows cover the same part of an octave; together they reach 8 octaves down from half
    the sample rate. Columns share the time evenly. Values are mean powers of these areas (Hann window, centred
    frames), so the level of the sound does not matter, and nothing between two pixels is lost.
    """
    frames = _stft_power(samples, n_fft, hop_length)
    edges = (n_fft // 2) * 2.0 ** np.linspace(-_SPECTROGRAM_OCTAVES, 0.0, size + 1) + 0.5
    return unit_decibels(even_means(area_means(frames, edges).T, size))


def scalogram_image(samples: Samples, *, sample_rate: int, size: int) -> Image:
    """The power of the wavelet transform of `samples` [n] (by PyWavelets) as an image [size, size] float32.

    1 is its loudest point, 0 is 80 dB below. Rows rise evenly in octaves from 34 Hz to 8 kHz, or to 0.36 of the sample
    rate if that is lower. Columns share the time evenly; each is the mean power of its part.
    """
    smallest = max(_LEAST_SCALE, sample_rate / _HIGHEST_HZ)
    scales = smallest * 2.0 ** (np.arange(_SCALES_PER_OCTAVE) / _SCALES_PER_OCTAVE)
    power = np.concatenate(list(_octaves(samples, scales, size)))[::-1]
    return unit_decibels(_stretch_rows(power, size))


def area_means(cells: npt.NDArray[np.floating], edges: Powers) -> Powers:
    """Means [..., len(edges) - 1] of `cells` [..., n] over the areas between neighbouring `edges`.

    Edges rise within 0..n, in cells; an area may be a part of one cell.
    """
    n = cells.shape[-1]
    sums = np.zeros((*cells.shape[:-1], n + 1))
    np.cumsum(cells, axis=-1, dtype=np.float64, out=sums[..., 1:])
    whole = np.minimum(edges.astype(int), n - 1)
    up_to = sums[..., whole] + (edges - whole) * cells[..., whole]
    return np.asarray(np.diff(up_to, axis=-1) / np.diff(edges), np.float64)


def even_means(cells: npt.NDArray[np.floating], size: int) -> Powers:
    """`cells` [..., n] as [..., size]: means over areas of equal width."""
    return area_means(cells, np.linspace(0.0, cells.shape[-1], size + 1))


def unit_decibels(power: Powers) -> Image:
    """`power` in decibels as float32 of its shape: the largest value is 1, values 80 dB below it and less are 0."""
    decibels = 10.0 * np.log10(np.maximum(power, 10.0 ** (_LEAST_DB / 10.0)))
    loudest = max(float(decibels.max()), _LEAST_DB + _RANGE_DB)
    return np.asarray(np.maximum(1.0 + (decibels - loudest) / _RANGE_DB, 0.0), np.float32)


def _stft_power(samples: Samples, n_fft: int, hop_length: int) -> Powers:
    """|STFT|^2 [1 + n // hop_length, 1 + n_fft // 2] of the zero-padded samples, framed as `librosa.stft` does."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    padded = np.pad(samples.astype(np.float64), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    blocks = [frames[start : start + _BLOCK_FRAMES] for start in range(0, len(frames), _BLOCK_FRAMES)]
    spectra = [np.fft.rfft(block * window) for block in blocks]
    return np.concatenate([np.square(part.real) + np.square(part.imag) for part in spectra])


def _octaves(samples: Samples, scales: Powers, size: int) -> Iterator[Powers]:
    """Power [len(scales), size] of each octave, highest first.

    Each octave is analysed at half the rate of the one above it, so that its wavelets are as short as those of the
    first: all octaves together cost twice as much as the first one alone.
    """
    for _ in range(_SCALOGRAM_OCTAVES):
        yield np.stack([even_means(_wavelet_power(samples, scale), size) for scale in scales])
        samples = resample(samples, 2, 1)


def _wavelet_power(samples: Samples, scale: float) -> Powers:
    """Squared magnitude [n] of one row of the transform, divided by the scale so that a tone is as loud in any row."""
    import pywt

    (waves,), _ = pywt.cwt(samples, [scale], _WAVELET, method="conv", precision=_PRECISION)
    return np.asarray((np.square(waves.real) + np.square(waves.imag)) / scale, np.float64)


def _stretch_rows(power: Powers, size: int) -> Powers:
    """`power` [n, columns] as [size, columns], interpolated linearly: the wavelets of neighbouring rows overlap."""
    places = np.linspace(0.0, len(power) - 1.0, size)
    below = np.minimum(places.astype(int), len(power) - 2)
    share = (places - below)[:, None]
    return np.asarray(power[below] * (1.0 - share) + power[below + 1] * share, np.float64)
