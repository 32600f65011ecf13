"""Images of the sound: areas, decibels, spectrogram and scalogram."""

import librosa
import numpy as np
import pytest
import pywt
from music import music

from genre_batch.decode.waveform import Samples
from genre_batch.features.front_ends.image import (
    ImageFrontEnd,
    area_means,
    even_means,
    scalogram_image,
    spectrogram_image,
    unit_decibels,
)

RATE = 22_050
HIGHEST_HZ = RATE / 2.75


def test_areas_may_hold_several_cells_and_parts_of_cells() -> None:
    cells = np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_allclose(area_means(cells, np.array([0.0, 2.0, 2.5, 4.0])), [1.5, 4.0, (2.0 + 8.0) / 1.5])


def test_areas_within_one_cell_have_its_value() -> None:
    np.testing.assert_allclose(area_means(np.array([[3.0, 5.0]]), np.array([1.1, 1.2, 1.9])), [[5.0, 5.0]])


@pytest.mark.parametrize("n", [1, 3, 256, 257, 10_007])
def test_the_mean_of_all_cells_stays_what_it_was(n: int) -> None:
    cells = np.random.default_rng(n).random((3, n))
    np.testing.assert_allclose(even_means(cells, 256).mean(axis=1), cells.mean(axis=1))


def test_fewer_cells_than_areas_are_stretched() -> None:
    np.testing.assert_allclose(even_means(np.array([1.0, 3.0]), 4), [1.0, 1.0, 3.0, 3.0])


def test_decibels_reach_from_the_loudest_to_80_below_it() -> None:
    power = np.array([[1e-4, 1e-8, 1e-12, 1e-20, 0.0]])
    np.testing.assert_allclose(unit_decibels(power), [[1.0, 0.5, 0.0, 0.0, 0.0]], atol=1e-6)
    assert unit_decibels(power).dtype == np.float32


def test_silence_is_black() -> None:
    assert not unit_decibels(np.zeros((2, 3))).any()


def spectrogram(samples: Samples, size: int = 256) -> np.ndarray:
    return spectrogram_image(samples, n_fft=2048, hop_length=512, size=size)


def scalogram(samples: Samples, size: int = 256, sample_rate: int = RATE) -> np.ndarray:
    return scalogram_image(samples, sample_rate=sample_rate, size=size)


def tone(frequency_hz: float, sample_rate: int = RATE) -> Samples:
    return np.sin(2 * np.pi * frequency_hz * np.arange(3 * sample_rate) / sample_rate).astype(np.float32)


def test_values_are_means_of_librosas_power_in_decibels() -> None:
    """Two rows of four octaves, from bin 4 to 64 and on to 1,024: their edges lie in the middle of a bin."""
    samples = music(1.0)
    power = np.abs(librosa.stft(samples.astype(np.float64))) ** 2
    low = (0.5 * power[4] + power[5:64].sum(axis=0) + 0.5 * power[64]) / 60.0
    high = (0.5 * power[64] + power[65:1024].sum(axis=0) + 0.5 * power[1024]) / 960.0
    assert power.shape[1] == 44
    means = np.stack([[row[:22].mean(), row[22:].mean()] for row in (low, high)])
    expected = librosa.power_to_db(means, ref=np.max, amin=1e-20, top_db=80.0) / 80.0 + 1.0
    np.testing.assert_allclose(spectrogram(samples, size=2), expected, atol=1e-5)


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 1760.0, 7040.0])
def test_a_tone_is_bright_in_the_spectrogram_row_of_its_pitch(frequency_hz: float) -> None:
    """32 rows per octave; row 256 would be half the sample rate."""
    row = 256 + 32 * np.log2(frequency_hz / (RATE / 2))
    brightest = spectrogram(tone(frequency_hz))[:, 64:192].mean(axis=1).argmax()
    width = 1.0 + 256 * np.log2(1 + RATE / 2048 / frequency_hz) / 8  # rows that one bin of the transform takes
    assert abs(brightest - row) <= width


def test_time_runs_to_the_right() -> None:
    samples = music(3.0)
    samples[len(samples) // 2 :] *= np.float32(1e-3)
    result = spectrogram(samples)
    assert result[:, :120].mean() > result[:, 136:].mean() + 0.3


@pytest.mark.parametrize("length", [1, 100, 511, 2048, 22_050, 661_500])
def test_any_length_fills_the_spectrogram(length: int) -> None:
    result = spectrogram(music(30.0)[1000 : 1000 + length])
    assert (result.shape, result.dtype) == ((256, 256), np.float32)
    assert 0.0 <= result.min() <= result.max() == 1.0


def test_the_level_does_not_matter() -> None:
    samples = music(3.0)
    np.testing.assert_allclose(spectrogram(samples), spectrogram(samples * np.float32(0.01)), atol=1e-4)


def row_of(frequency_hz: float) -> float:
    """63 steps of an eighth of an octave on 256 rows."""
    return 255.0 * (1.0 - 8.0 * np.log2(HIGHEST_HZ / frequency_hz) / 63.0)


@pytest.mark.parametrize("frequency_hz", [60.0, 220.0, 880.0, 3520.0, 6000.0])
def test_a_tone_is_bright_in_the_scalogram_row_of_its_pitch(frequency_hz: float) -> None:
    """Within an eighth of an octave, the distance between two scales."""
    brightest = scalogram(tone(frequency_hz))[:, 64:192].mean(axis=1).argmax()
    assert abs(brightest - row_of(frequency_hz)) <= 255.0 / 63.0


def test_tones_of_one_level_are_equally_bright_at_any_pitch() -> None:
    both = scalogram(tone(220.0) + tone(3520.0))[:, 128]
    assert both[round(row_of(3520.0))] == pytest.approx(both[round(row_of(220.0))], abs=1.5 / 80.0)


def test_equals_the_transform_at_the_full_rate() -> None:
    """Octaves below the first are analysed at lower rates; PyWavelets on the full rate gives the same image."""
    samples = music(3.0)
    result = scalogram(samples, size=64)
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
    bright = (scalogram(click) > 0.6).sum(axis=1)
    assert 1 <= bright[-32:].mean() <= 2
    assert bright[:32].mean() > 3 * bright[-32:].mean()


@pytest.mark.parametrize("length", [1, 100, 2048, 22_050, 100_001])
def test_any_length_fills_the_scalogram(length: int) -> None:
    result = scalogram(music(5.0)[1000 : 1000 + length])
    assert (result.shape, result.dtype) == ((256, 256), np.float32)
    assert 0.0 <= result.min() <= result.max() == 1.0


def test_rows_mean_the_same_at_a_higher_rate() -> None:
    slow, fast = (scalogram(tone(880.0, rate), sample_rate=rate)[:, 128].argmax() for rate in (22_050, 44_100))
    assert abs(int(slow) - int(fast)) <= 4


def test_what_every_child_process_tries_at_its_start_draws_both_images_of_a_short_sound() -> None:
    tried = ImageFrontEnd.with_all_libraries()
    assert set(tried.images) == {"spectrogram", "scalogram"}
    assert tried.segment_s <= 2.0
