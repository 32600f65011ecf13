"""What the figures of samples show, read off their lines and images."""

import librosa
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.axes import Axes

from genre_batch.reports.track_figures import (
    chroma_figure,
    log_mel_figure,
    mfcc_figure,
    power_spectrum_figure,
    spectral_roll_off_figure,
    spectrogram_figure,
    waveform_figure,
    zero_crossings_figure,
)

RATE = 22_050
TONE = (0.5 * np.sin(2 * np.pi * 441.0 * np.arange(4 * RATE) / RATE + 0.1)).astype(np.float32)


def test_the_waveform_spans_the_time_and_the_amplitude() -> None:
    (axes,) = waveform_figure(TONE, RATE, start_s=15.0).axes
    assert axes.get_xlim() == pytest.approx((15.0, 19.0))
    drawn = axes.collections[0].get_paths()[0].vertices
    assert drawn[:, 1].max() == pytest.approx(0.5, abs=1e-3)
    assert drawn[:, 1].min() == pytest.approx(-0.5, abs=1e-3)


def test_the_power_spectrum_peaks_at_the_tone() -> None:
    (axes,) = power_spectrum_figure(TONE, RATE).axes
    frequencies_hz, decibels = axes.lines[0].get_data()
    assert frequencies_hz[np.argmax(decibels)] == pytest.approx(441.0, abs=3.0)
    assert "Hz" in axes.get_xlabel()
    assert "dB" in axes.get_ylabel()


def test_a_tone_crosses_zero_twice_a_period() -> None:
    over_time, close_up = zero_crossings_figure(TONE, RATE, start_s=2.0).axes
    times_s, rate = over_time.lines[0].get_data()
    assert rate == pytest.approx(882.0, rel=0.02)
    assert 2.0 < times_s[0] < times_s[-1] < 6.0
    marked = close_up.lines[2].get_xdata()
    assert len(marked) == pytest.approx(2 * 441 * 0.02, abs=1)
    assert np.diff(marked) == pytest.approx(1000 / 882, abs=0.06)


@pytest.mark.parametrize("samples", [np.full(RATE, 1e-4, np.float32), TONE[:RATE]])
def test_a_track_of_one_second_or_without_a_wave_is_drawn(samples: np.ndarray) -> None:
    for figure in (
        waveform_figure(samples, RATE),
        power_spectrum_figure(samples, RATE),
        zero_crossings_figure(samples, RATE),
    ):
        figure.canvas.draw()
        for line in (line for axes in figure.axes for line in axes.lines):
            assert np.isfinite(line.get_xydata()).all()
    assert waveform_figure(samples, RATE).axes[0].get_xlim() == pytest.approx((0.0, 1.0))


TONE_SPECTRAL_FIGURES = (0.5 * np.sin(2 * np.pi * 440.0 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def image(axes: Axes) -> npt.NDArray[np.floating]:
    return np.asarray(axes.images[0].get_array())


def test_the_spectrogram_is_brightest_at_the_tone() -> None:
    axes = spectrogram_figure(TONE_SPECTRAL_FIGURES, RATE, start_s=10.0).axes[0]
    assert axes.images[0].get_extent() == pytest.approx((10.0, 13.0, 0.0, RATE / 2000), abs=0.03)
    rows = image(axes)
    assert rows[:, 60].argmax() == pytest.approx(440.0 / (RATE / 2) * len(rows), abs=1.0)
    assert rows.max() == pytest.approx(0.0)


def test_the_ticks_of_the_mel_bands_stand_at_their_frequencies() -> None:
    axes = log_mel_figure(TONE_SPECTRAL_FIGURES, RATE).axes[0]
    heights = dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    centres_hz = librosa.mel_frequencies(130, fmin=0.0, fmax=RATE / 2)[1:-1]
    for text, height in heights.items():
        expected = np.interp(float(text.replace(",", "")), centres_hz, np.arange(128) + 0.5)
        assert height == pytest.approx(expected, abs=1.1)
    assert image(axes)[:, 60].argmax() + 0.5 == pytest.approx(
        np.interp(440.0, centres_hz, np.arange(128) + 0.5), abs=1.0
    )


def test_the_coefficients_are_librosa_s() -> None:
    expected = librosa.feature.mfcc(y=TONE_SPECTRAL_FIGURES, sr=RATE, n_mfcc=20)
    np.testing.assert_allclose(image(mfcc_figure(TONE_SPECTRAL_FIGURES, RATE).axes[0]), expected, rtol=1e-3, atol=0.05)


def test_the_pitch_class_of_440_hz_is_a() -> None:
    axes = chroma_figure(TONE_SPECTRAL_FIGURES, RATE).axes[0]
    assert axes.get_yticklabels()[image(axes)[:, 60].argmax()].get_text() == "A"


def test_the_roll_off_lies_above_most_of_the_sound() -> None:
    axes = spectral_roll_off_figure(TONE_SPECTRAL_FIGURES, RATE, start_s=5.0).axes[0]
    times_s, roll_off_khz = axes.lines[0].get_data()
    assert np.median(roll_off_khz) == pytest.approx(0.45, abs=0.05)
    assert times_s[0] == 5.0


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_other_rates_and_short_tracks_are_drawn(rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    for draw in (spectrogram_figure, log_mel_figure, mfcc_figure, chroma_figure):
        figure = draw(noise, rate)
        figure.canvas.draw()
        drawn = image(figure.axes[0])
        assert drawn.size > 0
        assert np.isfinite(drawn).all()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_the_roll_off_of_noise_lies_below_half_the_rate(rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    figure = spectral_roll_off_figure(noise, rate)
    figure.canvas.draw()
    assert (np.abs(figure.axes[0].lines[0].get_ydata() / (rate / 2000) - 0.5) < 0.5).all()
