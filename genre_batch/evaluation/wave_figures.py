"""Pictures of a track's samples: waveform, power spectrum and zero crossings, as the sources show them."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from scipy import signal

from genre_batch.decode.waveform import Samples
from genre_batch.evaluation.figure_style import BLUE, GREY, VERMILLION, WIDTH, one_plot, styled

TIME_LABEL = "time in the track (s)"

_COLUMNS = 2400
_WELCH_SAMPLES = 8192
_LOWEST_HZ = 20.0
_RANGE_DB = 100.0
_FRAME, _HOP = 2048, 512
_ZOOM_S = 0.02


@styled
def waveform(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
    """Amplitude of `samples` [n] over time, as the range within each of up to 2,400 columns; full scale is 1."""
    figure, axes = one_plot(WIDTH, 2.3)
    low, high = _envelope(samples)
    times_s = start_s + np.linspace(0.0, len(samples) / sample_rate, len(low))
    axes.fill_between(times_s, low, high, color=BLUE, linewidth=0.0)
    limit = 1.05 * max(float(np.abs(samples).max()), 1e-6)
    axes.set(xlabel=TIME_LABEL, ylabel="amplitude (full scale 1)", xlim=(times_s[0], times_s[-1]), ylim=(-limit, limit))
    return figure


@styled
def power_spectrum(samples: Samples, sample_rate: int) -> Figure:
    """Power of `samples` [n] over frequency in dB re full scale and hertz, by Welch's method; 100 dB of it."""
    figure, axes = one_plot(WIDTH, 2.6)
    frequencies_hz, power = signal.welch(samples, sample_rate, nperseg=min(_WELCH_SAMPLES, len(samples)))
    decibels = 10.0 * np.log10(np.maximum(power, 1e-20))
    top = float(decibels[frequencies_hz >= _LOWEST_HZ].max())
    axes.semilogx(frequencies_hz[1:], decibels[1:], color=BLUE, linewidth=1.1)
    axes.grid(visible=True)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hertz, _: f"{hertz:,.0f}"))
    limits = {"xlim": (_LOWEST_HZ, sample_rate / 2), "ylim": (top - _RANGE_DB, top + 5.0)}
    axes.set(xlabel="frequency (Hz)", ylabel="power (dB re full scale² / Hz)", **limits)
    return figure


@styled
def zero_crossings(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
    """Zero crossings a second of `samples` [n] over time, and each crossing in 20 ms around the loudest sample."""
    figure = Figure(figsize=(WIDTH, 2.5))
    over_time, close_up = figure.subplots(1, 2, width_ratios=(2, 1))
    rate = _crossings(np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]).mean(axis=1) * sample_rate
    times_s = start_s + (np.arange(len(rate)) * _HOP + _FRAME / 2) / sample_rate
    over_time.plot(times_s, rate, color=BLUE, linewidth=1.0)
    limits = {"xlim": (times_s[0], times_s[-1]), "ylim": (0, None)}
    over_time.set(xlabel=TIME_LABEL, ylabel="zero crossings a second", **limits)
    over_time.yaxis.set_major_formatter("{x:,.0f}")
    begin, cut = _loudest(samples, round(_ZOOM_S * sample_rate))
    crossings = np.flatnonzero(_crossings(cut))
    at_ms = np.arange(len(cut)) / sample_rate * 1000.0
    close_up.axhline(0.0, color=GREY, linewidth=0.8)
    close_up.plot(at_ms, cut, color=BLUE, linewidth=1.1)
    close_up.plot(at_ms[crossings], np.zeros(len(crossings)), "o", color=VERMILLION, markersize=4.0)
    close_up.set(xlabel=f"ms from {start_s + begin / sample_rate:.2f} s", ylabel="amplitude")
    close_up.set_title(f"{len(crossings)} crossings", fontsize=9.5, loc="left")
    return figure


def _crossings(samples: Samples) -> npt.NDArray[np.bool_]:
    """Whether the sign changes after each of `samples` [..., n], as [..., n - 1]: librosa's rule, without numba."""
    return np.diff(np.signbit(samples), axis=-1)


def _envelope(samples: Samples) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The least and the largest sample of each column."""
    edges = np.unique(np.linspace(0, len(samples), min(_COLUMNS, len(samples)), endpoint=False, dtype=np.int64))
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def _loudest(samples: Samples, length: int) -> tuple[int, Samples]:
    """Where the `length` samples around the loudest one begin, and these samples."""
    begin = max(0, min(int(np.abs(samples).argmax()) - length // 2, len(samples) - length))
    return begin, samples[begin : begin + length]
