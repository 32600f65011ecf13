"""Figures of a track's samples: waveform, power spectrum, spectrograms, chroma, roll-off and zero crossings."""

from typing import TYPE_CHECKING

import librosa
import numpy as np
import numpy.typing as npt
from scipy import signal

from genre_batch.decode.waveform import Samples
from genre_batch.features.front_ends.log_mel import log_mel
from genre_batch.reports.figure_style import BLUE, GREY, VERMILLION, WIDTH, one_plot, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TIME_LABEL = "time in the track (s)"

_COLUMNS = 800
_WELCH_SAMPLES = 8192
_LOWEST_HZ = 20.0
_RANGE_DB = 100.0
_FRAME, _HOP = 2048, 512
_ZOOM_S = 0.02


@styled
def waveform_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """Amplitude of `samples` [n] over time, as the range in each of up to 800 columns; full scale is 1."""
    figure, axes = one_plot(WIDTH, 1.7)
    low, high = _envelope(samples)
    times_s = start_s + np.linspace(0.0, len(samples) / sample_rate, len(low))
    axes.fill_between(times_s, low, high, color=BLUE, linewidth=0.0)
    limit = 1.05 * max(float(np.abs(samples).max()), 1e-6)
    axes.set(xlabel=TIME_LABEL, ylabel="amplitude", xlim=(times_s[0], times_s[-1]), ylim=(-limit, limit))
    return figure


@styled
def power_spectrum_figure(samples: Samples, sample_rate: int) -> "Figure":
    """Power of `samples` [n] in dB re full scale over frequency in Hz, by Welch's method; the top 100 dB."""
    from matplotlib.ticker import FuncFormatter

    figure, axes = one_plot(WIDTH, 2.0)
    frequencies_hz, power = signal.welch(samples, sample_rate, nperseg=min(_WELCH_SAMPLES, len(samples)))
    decibels = 10.0 * np.log10(np.maximum(power, 1e-20))
    top = float(decibels[frequencies_hz >= _LOWEST_HZ].max())
    axes.semilogx(frequencies_hz[1:], decibels[1:], color=BLUE, linewidth=1.1)
    axes.grid(visible=True)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hertz, _: f"{hertz:,.0f}"))
    limits = {"xlim": (_LOWEST_HZ, sample_rate / 2), "ylim": (top - _RANGE_DB, top + 5.0)}
    axes.set(xlabel="frequency (Hz)", ylabel="dB re full scale²/Hz", **limits)
    return figure


@styled
def zero_crossings_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """Zero crossings per second of `samples` [n] over time, and each crossing in 20 ms around the loudest sample."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.4))
    over_time, close_up = figure.subplots(2, 1)
    rate = _crossings(np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]).mean(axis=1) * sample_rate
    times_s = start_s + (np.arange(len(rate)) * _HOP + _FRAME / 2) / sample_rate
    over_time.plot(times_s, rate, color=BLUE, linewidth=1.0)
    limits = {"xlim": (times_s[0], times_s[-1]), "ylim": (0, None)}
    over_time.set(xlabel=TIME_LABEL, ylabel="crossings per s", **limits)
    over_time.yaxis.set_major_formatter("{x:,.0f}")
    begin, cut = _loudest(samples, round(_ZOOM_S * sample_rate))
    crossings = np.flatnonzero(_crossings(cut))
    at_ms = np.arange(len(cut)) / sample_rate * 1000.0
    close_up.axhline(0.0, color=GREY, linewidth=0.8)
    close_up.plot(at_ms, cut, color=BLUE, linewidth=1.1)
    close_up.plot(at_ms[crossings], np.zeros(len(crossings)), "o", color=VERMILLION, markersize=4.0)
    close_up.set(xlabel=f"ms from {start_s + begin / sample_rate:.2f} s", ylabel="amplitude")
    close_up.set_title(f"{len(crossings)} crossings", fontsize=8.5, loc="left")
    return figure


def _crossings(samples: Samples) -> npt.NDArray[np.bool_]:
    """Whether the sign changes after each of `samples` [..., n], as [..., n - 1]: librosa's rule, without numba."""
    return np.diff(np.signbit(samples), axis=-1)


def _envelope(samples: Samples) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The smallest and the largest sample of each column."""
    edges = np.unique(np.linspace(0, len(samples), min(_COLUMNS, len(samples)), endpoint=False, dtype=np.int64))
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def _loudest(samples: Samples, length: int) -> tuple[int, Samples]:
    """The `length` samples around the loudest one, after the index at which they begin."""
    begin = max(0, min(int(np.abs(samples).argmax()) - length // 2, len(samples) - length))
    return begin, samples[begin : begin + length]


N_FFT, HOP_LENGTH, N_MELS, N_MFCC, TOP_DB = 2048, 512, 128, 20, 80.0
ROLL_OFF = 0.85

_HEIGHT = 2.2
_PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_MEL_TICKS_HZ = (0, 256, 512, 1024, 2048, 4096, 8192)

Cells = npt.NDArray[np.floating]


@styled
def spectrogram_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """Power of `samples` [n] over time and frequency, in dB re the largest value."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    decibels = librosa.power_to_db(_power(samples), ref=np.max, top_db=TOP_DB)
    _show(axes, decibels, sample_rate, start_s, sample_rate / 2000.0, colours="magma", unit="dB re maximum")
    axes.set_ylabel("frequency (kHz)")
    return figure


@styled
def log_mel_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """Mel power of `samples` [n] in dB, 128 bands: what most recipes see."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    decibels = _mel(samples, sample_rate)
    _show(axes, decibels, sample_rate, start_s, N_MELS, colours="magma", unit="dB re 1")
    ticks_hz = [hertz for hertz in _MEL_TICKS_HZ if hertz <= sample_rate / 2]
    heights = librosa.hz_to_mel(np.array(ticks_hz)) / librosa.hz_to_mel(sample_rate / 2) * N_MELS
    axes.set_yticks(heights, [f"{hertz:,}" for hertz in ticks_hz])
    axes.set_ylabel("frequency (Hz, mel scale)")
    return figure


@styled
def mfcc_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """The first 20 mel frequency cepstral coefficients of `samples` [n], coloured to the range of all but the first."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    coefficients = librosa.feature.mfcc(S=_mel(samples, sample_rate), n_mfcc=N_MFCC)
    limit = float(np.quantile(np.abs(coefficients[1:]), 0.97)) or 1.0
    _show(axes, coefficients, sample_rate, start_s, N_MFCC, colours="RdBu_r", unit="value", limit=limit)
    axes.set_yticks(np.arange(0, N_MFCC, 5) + 0.5, [str(number) for number in range(0, N_MFCC, 5)])
    axes.set_ylabel("coefficient")
    return figure


@styled
def chroma_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """Strength of the twelve pitch classes in `samples` [n], relative to the strongest in each frame; A4 is 440 Hz."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    strengths = librosa.feature.chroma_stft(S=_power(samples), sr=sample_rate, tuning=0.0)
    _show(axes, strengths, sample_rate, start_s, 12, colours="cividis", unit="strength")
    axes.set_yticks(np.arange(12) + 0.5, _PITCH_CLASSES, fontsize=7.5)
    axes.set_ylabel("pitch class")
    return figure


@styled
def spectral_roll_off_figure(samples: Samples, sample_rate: int, start_s: float = 0.0) -> "Figure":
    """The frequency below which 85 % of the spectrum of `samples` [n] lies, over a pale spectrogram."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    power = _power(samples)
    decibels = librosa.power_to_db(power, ref=np.max, top_db=TOP_DB)
    _show(axes, decibels, sample_rate, start_s, sample_rate / 2000.0, colours="Greys", unit="dB re maximum")
    roll_off_hz = librosa.feature.spectral_rolloff(S=np.sqrt(power), sr=sample_rate, roll_percent=ROLL_OFF)[0]
    times_s = start_s + np.arange(len(roll_off_hz)) * HOP_LENGTH / sample_rate
    axes.plot(times_s, roll_off_hz / 1000.0, color=VERMILLION, linewidth=1.2)
    axes.set_ylabel("frequency (kHz)")
    return figure


def _power(samples: Samples) -> Cells:
    power: Cells = np.square(np.abs(librosa.stft(samples, n_fft=N_FFT, hop_length=HOP_LENGTH)))
    return power


def _mel(samples: Samples, sample_rate: int) -> Cells:
    return log_mel(samples, sample_rate=sample_rate, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS, top_db=TOP_DB)


def _show(
    axes: "Axes",
    cells: Cells,
    sample_rate: int,
    start_s: float,
    top: float,
    *,
    colours: str,
    unit: str,
    limit: float | None = None,
) -> None:
    """Draw `cells` [rows, frames] from 0 to `top`, with a colour bar in `unit`, from -limit to limit if given."""
    end_s = start_s + cells.shape[1] * HOP_LENGTH / sample_rate
    low, high = (None, None) if limit is None else (-limit, limit)
    image = axes.imshow(
        cells, origin="lower", aspect="auto", extent=(start_s, end_s, 0.0, top), cmap=colours, vmin=low, vmax=high,
        interpolation="antialiased",
    )  # fmt: skip
    axes.set_xlabel(TIME_LABEL)
    axes.figure.colorbar(image, ax=axes, label=unit, pad=0.01, aspect=16)
