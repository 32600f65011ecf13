"""A wavelet scalogram as a picture."""

import numpy as np
import pytest
import pywt
from music import music

from genre_batch.decode.waveform import Samples
from genre_batch.features.scalogram_image import scalogram_image

RATE = 22_050
HIGHEST_HZ = RATE / 2.75


def picture(samples: Samples, size: int = 256, sample_rate: int = RATE) -> np.ndarray:
    return scalogram_image(samples, sample_rate=sample_rate, size=size)


def row_of(frequency_hz: float) -> float:
    """63 steps of an eighth of an octave on 256 rows."""
    return 255.0 * (1.0 - 8.0 * np.log2(HIGHEST_HZ / frequency_hz) / 63.0)


def tone(frequency_hz: float, sample_rate: int = RATE) -> Samples:
    return np.sin(2 * np.pi * frequency_hz * np.arange(3 * sample_rate) / sample_rate).astype(np.float32)


@pytest.mark.parametrize("frequency_hz", [60.0, 220.0, 880.0, 3520.0, 6000.0])
def test_a_tone_is_bright_in_the_row_of_its_pitch(frequency_hz: float) -> None:
    """Within an eighth of an octave, the distance of two scales."""
    brightest = picture(tone(frequency_hz))[:, 64:192].mean(axis=1).argmax()
    assert abs(brightest - row_of(frequency_hz)) <= 255.0 / 63.0


def test_tones_of_one_level_are_equally_bright_at_any_pitch() -> None:
    both = picture(tone(220.0) + tone(3520.0))[:, 128]
    assert both[round(row_of(3520.0))] == pytest.approx(both[round(row_of(220.0))], abs=1.5 / 80.0)


def test_equals_the_transform_at_the_full_rate() -> None:
    """Octaves below the first are heard at lower rates: the whole transform by PyWavelets gives the same picture."""
    samples = music(3.0)
    result = picture(samples, size=64)
    scales = 2.75 * 2.0 ** (np.arange(0, 64, 7) / 8.0)
    waves, _ = pywt.cwt(samples.astype(np.float64), scales, "cmor4.0-1.0", method="fft", precision=14)
    power = np.abs(waves) ** 2 / scales[:, None]
    edges = np.linspace(0, len(samples), 65).astype(int)
    means = np.stack([part.mean(axis=1) for part in np.split(power, edges[1:-1], axis=1)], axis=1)
    decibels = 10.0 * np.log10(means[::-1])
    difference = 80.0 * result[::7] - decibels
    errors_db = np.abs(difference - np.median(difference))[:, 4:-4][decibels[:, 4:-4] > decibels.max() - 40.0]
    assert len(errors_db) > 200
    assert errors_db.mean() < 1.0
    assert errors_db.max() < 4.0


def test_high_rows_are_sharper_in_time_than_low_ones() -> None:
    """A click is 12 ms, one column or two, in the high rows and three times as long in the low ones."""
    click = np.zeros(3 * RATE, np.float32)
    click[len(click) // 2] = 1.0
    bright = (picture(click) > 0.6).sum(axis=1)
    assert 1 <= bright[-32:].mean() <= 2
    assert bright[:32].mean() > 3 * bright[-32:].mean()


@pytest.mark.parametrize("length", [1, 100, 2048, 22_050, 100_001])
def test_any_length_fills_the_picture(length: int) -> None:
    result = picture(music(5.0)[1000 : 1000 + length])
    assert (result.shape, result.dtype) == ((256, 256), np.float32)
    assert 0.0 <= result.min() <= result.max() == 1.0


def test_rows_mean_the_same_at_a_higher_rate() -> None:
    slow, fast = (picture(tone(880.0, rate), sample_rate=rate)[:, 128].argmax() for rate in (22_050, 44_100))
    assert abs(int(slow) - int(fast)) <= 4
