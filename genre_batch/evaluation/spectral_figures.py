"""Pictures of a track's frequencies over time, as the sources show them."""

import librosa
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_batch.decode.waveform import Samples
from genre_batch.evaluation.figure_style import VERMILLION, WIDTH, one_plot, styled
from genre_batch.evaluation.wave_figures import TIME_LABEL
from genre_batch.features.log_mel import log_mel as mel_decibels

N_FFT, HOP_LENGTH, N_MELS, N_MFCC, TOP_DB = 2048, 512, 128, 20, 80.0
ROLL_OFF = 0.85

_HEIGHT = 2.7
_PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_MEL_TICKS_HZ = (0, 256, 512, 1024, 2048, 4096, 8192)

Picture = npt.NDArray[np.floating]


@styled
def spectrogram(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
    """Power of `samples` [n] over time and frequency, in dB below its largest value."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    decibels = librosa.power_to_db(_power(samples), ref=np.max, top_db=TOP_DB)
    _show(axes, decibels, sample_rate, start_s, sample_rate / 2000.0, colours="magma", unit="dB re maximum")
    axes.set_ylabel("frequency (kHz)")
    return figure


@styled
def log_mel(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
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
def mfcc(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
    """The first 20 mel frequency cepstral coefficients of `samples` [n]; colours spread over all but the first."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    coefficients = librosa.feature.mfcc(S=_mel(samples, sample_rate), n_mfcc=N_MFCC)
    limit = float(np.quantile(np.abs(coefficients[1:]), 0.97)) or 1.0
    _show(axes, coefficients, sample_rate, start_s, N_MFCC, colours="RdBu_r", unit="value", limit=limit)
    axes.set_yticks(np.arange(0, N_MFCC, 5) + 0.5, [str(number) for number in range(0, N_MFCC, 5)])
    axes.set_ylabel("coefficient")
    return figure


@styled
def chroma(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
    """Strength of the twelve pitch classes in `samples` [n], the strongest of a frame as 1; A4 is 440 Hz."""
    figure, axes = one_plot(WIDTH, _HEIGHT)
    strengths = librosa.feature.chroma_stft(S=_power(samples), sr=sample_rate, tuning=0.0)
    _show(axes, strengths, sample_rate, start_s, 12, colours="cividis", unit="strength")
    axes.set_yticks(np.arange(12) + 0.5, _PITCH_CLASSES, fontsize=8.0)
    axes.set_ylabel("pitch class")
    return figure


@styled
def spectral_roll_off(samples: Samples, sample_rate: int, start_s: float = 0.0) -> Figure:
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


def _power(samples: Samples) -> Picture:
    power: Picture = np.square(np.abs(librosa.stft(samples, n_fft=N_FFT, hop_length=HOP_LENGTH)))
    return power


def _mel(samples: Samples, sample_rate: int) -> Picture:
    return mel_decibels(
        samples, sample_rate=sample_rate, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS, top_db=TOP_DB
    )


def _show(
    axes: Axes,
    picture: Picture,
    sample_rate: int,
    start_s: float,
    top: float,
    *,
    colours: str,
    unit: str,
    limit: float | None = None,
) -> None:
    """Draw `picture` [rows, frames] from 0 to `top`, with a scale of its values in `unit`, even about 0 to `limit`."""
    end_s = start_s + picture.shape[1] * HOP_LENGTH / sample_rate
    low, high = (None, None) if limit is None else (-limit, limit)
    image = axes.imshow(
        picture, origin="lower", aspect="auto", extent=(start_s, end_s, 0.0, top), cmap=colours, vmin=low, vmax=high,
        interpolation="antialiased",
    )  # fmt: skip
    axes.set_xlabel(TIME_LABEL)
    axes.figure.colorbar(image, ax=axes, label=unit, pad=0.01, aspect=16)
