"""A spectrogram as a picture."""

import librosa
import numpy as np
import pytest
from music import music

from genre_batch.decode.waveform import Samples
from genre_batch.features.spectrogram_image import spectrogram_image

RATE = 22_050


def picture(samples: Samples, size: int = 256) -> np.ndarray:
    return spectrogram_image(samples, n_fft=2048, hop_length=512, size=size)


def tone(frequency_hz: float, length_s: float = 3.0) -> Samples:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(length_s * RATE)) / RATE).astype(np.float32)


def test_values_are_means_of_librosas_power_in_decibels() -> None:
    """Two rows of four octaves, from bin 4 to 64 and on to 1,024: their edges lie in the middle of a bin."""
    samples = music(1.0)
    power = np.abs(librosa.stft(samples.astype(np.float64))) ** 2
    low = (0.5 * power[4] + power[5:64].sum(axis=0) + 0.5 * power[64]) / 60.0
    high = (0.5 * power[64] + power[65:1024].sum(axis=0) + 0.5 * power[1024]) / 960.0
    assert power.shape[1] == 44
    means = np.stack([[row[:22].mean(), row[22:].mean()] for row in (low, high)])
    expected = librosa.power_to_db(means, ref=np.max, amin=1e-20, top_db=80.0) / 80.0 + 1.0
    np.testing.assert_allclose(picture(samples, size=2), expected, atol=1e-5)


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 1760.0, 7040.0])
def test_a_tone_is_bright_in_the_row_of_its_pitch(frequency_hz: float) -> None:
    """32 rows an octave; row 256 would be half the sample rate."""
    row = 256 + 32 * np.log2(frequency_hz / (RATE / 2))
    brightest = picture(tone(frequency_hz))[:, 64:192].mean(axis=1).argmax()
    width = 1.0 + 256 * np.log2(1 + RATE / 2048 / frequency_hz) / 8  # rows that one bin of the transform takes
    assert abs(brightest - row) <= width


def test_time_runs_to_the_right() -> None:
    samples = music(3.0)
    samples[len(samples) // 2 :] *= np.float32(1e-3)
    result = picture(samples)
    assert result[:, :120].mean() > result[:, 136:].mean() + 0.3


@pytest.mark.parametrize("length", [1, 100, 511, 2048, 22_050, 661_500])
def test_any_length_fills_the_picture(length: int) -> None:
    result = picture(music(30.0)[1000 : 1000 + length])
    assert (result.shape, result.dtype) == ((256, 256), np.float32)
    assert 0.0 <= result.min() <= result.max() == 1.0


def test_the_level_does_not_matter() -> None:
    samples = music(3.0)
    np.testing.assert_allclose(picture(samples), picture(samples * np.float32(0.01)), atol=1e-4)
