"""What the pictures of samples show, read off their lines."""

import numpy as np
import pytest

from genre_batch.evaluation.wave_figures import power_spectrum, waveform, zero_crossings

RATE = 22_050
TONE = (0.5 * np.sin(2 * np.pi * 441.0 * np.arange(4 * RATE) / RATE + 0.1)).astype(np.float32)


def test_the_waveform_spans_the_time_and_the_amplitude() -> None:
    (axes,) = waveform(TONE, RATE, start_s=15.0).axes
    assert axes.get_xlim() == pytest.approx((15.0, 19.0))
    drawn = axes.collections[0].get_paths()[0].vertices
    assert drawn[:, 1].max() == pytest.approx(0.5, abs=1e-3)
    assert drawn[:, 1].min() == pytest.approx(-0.5, abs=1e-3)


def test_the_power_spectrum_peaks_at_the_tone() -> None:
    (axes,) = power_spectrum(TONE, RATE).axes
    frequencies_hz, decibels = axes.lines[0].get_data()
    assert frequencies_hz[np.argmax(decibels)] == pytest.approx(441.0, abs=3.0)
    assert "Hz" in axes.get_xlabel()
    assert "dB" in axes.get_ylabel()


def test_a_tone_crosses_zero_twice_a_period() -> None:
    over_time, close_up = zero_crossings(TONE, RATE, start_s=2.0).axes
    times_s, rate = over_time.lines[0].get_data()
    assert rate == pytest.approx(882.0, rel=0.02)
    assert 2.0 < times_s[0] < times_s[-1] < 6.0
    marked = close_up.lines[2].get_xdata()
    assert len(marked) == pytest.approx(2 * 441 * 0.02, abs=1)
    assert np.diff(marked) == pytest.approx(1000 / 882, abs=0.06)


@pytest.mark.parametrize("samples", [np.full(RATE, 1e-4, np.float32), TONE[:RATE]])
def test_a_track_of_one_second_or_without_a_wave_is_drawn(samples: np.ndarray) -> None:
    for figure in (waveform(samples, RATE), power_spectrum(samples, RATE), zero_crossings(samples, RATE)):
        figure.canvas.draw()
        for line in (line for axes in figure.axes for line in axes.lines):
            assert np.isfinite(line.get_xydata()).all()
    assert waveform(samples, RATE).axes[0].get_xlim() == pytest.approx((0.0, 1.0))
