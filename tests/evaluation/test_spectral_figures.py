"""What the pictures of frequencies show, read off their images and lines."""

import librosa
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.axes import Axes

from genre_batch.evaluation.spectral_figures import chroma, log_mel, mfcc, spectral_roll_off, spectrogram

RATE = 22_050
TONE = (0.5 * np.sin(2 * np.pi * 440.0 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def image(axes: Axes) -> npt.NDArray[np.floating]:
    return np.asarray(axes.images[0].get_array())


def test_the_spectrogram_is_brightest_at_the_tone() -> None:
    axes = spectrogram(TONE, RATE, start_s=10.0).axes[0]
    assert axes.images[0].get_extent() == pytest.approx((10.0, 13.0, 0.0, RATE / 2000), abs=0.03)
    rows = image(axes)
    assert rows[:, 60].argmax() == pytest.approx(440.0 / (RATE / 2) * len(rows), abs=1.0)
    assert rows.max() == pytest.approx(0.0)


def test_the_ticks_of_the_mel_bands_stand_at_their_frequencies() -> None:
    axes = log_mel(TONE, RATE).axes[0]
    heights = dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    centres_hz = librosa.mel_frequencies(130, fmin=0.0, fmax=RATE / 2)[1:-1]
    for text, height in heights.items():
        expected = np.interp(float(text.replace(",", "")), centres_hz, np.arange(128) + 0.5)
        assert height == pytest.approx(expected, abs=1.1)
    assert image(axes)[:, 60].argmax() + 0.5 == pytest.approx(
        np.interp(440.0, centres_hz, np.arange(128) + 0.5), abs=1.0
    )


def test_the_coefficients_are_librosa_s() -> None:
    expected = librosa.feature.mfcc(y=TONE, sr=RATE, n_mfcc=20)
    np.testing.assert_allclose(image(mfcc(TONE, RATE).axes[0]), expected, rtol=1e-3, atol=0.05)


def test_the_pitch_class_of_440_hz_is_a() -> None:
    axes = chroma(TONE, RATE).axes[0]
    assert axes.get_yticklabels()[image(axes)[:, 60].argmax()].get_text() == "A"


def test_the_roll_off_lies_above_most_of_the_sound() -> None:
    axes = spectral_roll_off(TONE, RATE, start_s=5.0).axes[0]
    times_s, roll_off_khz = axes.lines[0].get_data()
    assert np.median(roll_off_khz) == pytest.approx(0.45, abs=0.05)
    assert times_s[0] == 5.0


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_other_rates_and_short_tracks_are_drawn(rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    for draw in (spectrogram, log_mel, mfcc, chroma):
        figure = draw(noise, rate)
        figure.canvas.draw()
        drawn = image(figure.axes[0])
        assert drawn.size > 0
        assert np.isfinite(drawn).all()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_the_roll_off_of_noise_lies_below_half_the_rate(rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    figure = spectral_roll_off(noise, rate)
    figure.canvas.draw()
    assert (np.abs(figure.axes[0].lines[0].get_ydata() / (rate / 2000) - 0.5) < 0.5).all()
