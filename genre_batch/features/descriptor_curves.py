"""The curves behind the descriptors of the published GTZAN table, by librosa.

The table was made with a librosa before 0.9. It mirrored a sound at its ends, where later versions put zeros, and its
inverse transforms left out what follows the last whole frame.
"""

from collections.abc import Callable
from functools import cached_property

import librosa
import librosa.feature.rhythm  # librosa loads modules on first use, which is too late in a sandbox without files
import librosa.feature.spectral
import librosa.onset
import numpy as np
import numpy.typing as npt
from librosa.util import softmask
from scipy.ndimage import median_filter

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.waveform import Samples
from genre_batch.features.segments import Values

Spectrum = npt.NDArray[np.complex64]

_N_FFT = 2048
_HOP_LENGTH = 512
_N_MFCC = 20
_MEDIAN_FRAMES = 31


class AnalysedSound:
    """A sound and what several of its curves need, each computed on first use.

    samples: [n] float32. A curve raises TrackRejected (NOT_FINITE) if their power exceeds single precision.
    """

    def __init__(self, samples: Samples, sample_rate: int) -> None:
        self.samples = samples
        self.sample_rate = sample_rate

    @cached_property
    def spectrum(self) -> Spectrum:
        """[1025, n_frames]. The other properties come from it, in librosa's shapes."""
        mirrored = np.pad(self.samples, _N_FFT // 2, mode="reflect")
        return librosa.stft(mirrored, n_fft=_N_FFT, hop_length=_HOP_LENGTH, center=False)

    @cached_property
    def magnitude(self) -> Values:
        """Of the spectrum."""
        return np.abs(self.spectrum)

    @cached_property
    def power(self) -> Values:
        """Of the spectrum."""
        with np.errstate(over="ignore"):
            power: Values = np.square(self.magnitude)
        if not np.isfinite(power).all():
            raise TrackRejected(
                RejectReason.NOT_FINITE, RejectStage.FEATURES, "the samples are too large for their power"
            )
        return power

    @cached_property
    def centroid(self) -> Values:
        """Hz, [1, n_frames]."""
        return librosa.feature.spectral_centroid(S=self.magnitude, sr=self.sample_rate)

    @cached_property
    def mel_decibels(self) -> Values:
        """[128, n_frames]."""
        mel: Values = librosa.feature.melspectrogram(S=self.power, sr=self.sample_rate)
        return np.asarray(librosa.power_to_db(mel), np.float32)

    @cached_property
    def mfcc(self) -> Values:
        """[20, n_frames]."""
        return librosa.feature.mfcc(S=self.mel_decibels, n_mfcc=_N_MFCC)

    @cached_property
    def harmonic_percussive(self) -> tuple[Spectrum, Spectrum]:
        """Both parts of the spectrum; see `harmonic_percussive` of this module."""
        return harmonic_percussive(self.spectrum)


def _waveform(spectrum: Spectrum, n: int) -> Values:
    return librosa.util.fix_length(librosa.istft(spectrum, hop_length=_HOP_LENGTH), size=n)


def _tempo(sound: AnalysedSound) -> Values:
    """Beats per minute: the tempo that `librosa.beat.beat_track` starts from, or 0 if there is no onset."""
    onsets = librosa.onset.onset_strength(S=sound.mel_decibels, sr=sound.sample_rate, aggregate=np.median)
    if not onsets.any():
        return np.zeros(1, np.float32)
    return librosa.feature.tempo(onset_envelope=onsets, sr=sound.sample_rate, hop_length=_HOP_LENGTH)


def _mfcc_row(row: int) -> Callable[[AnalysedSound], Values]:
    return lambda sound: sound.mfcc[row]


CURVES: dict[str, Callable[[AnalysedSound], Values]] = {
    "chroma_stft": lambda sound: librosa.feature.chroma_stft(S=sound.power, sr=sound.sample_rate),
    "rms": lambda sound: librosa.feature.rms(y=sound.samples, pad_mode="reflect"),
    "spectral_centroid": lambda sound: sound.centroid,
    "spectral_bandwidth": lambda sound: librosa.feature.spectral_bandwidth(
        S=sound.magnitude, sr=sound.sample_rate, centroid=sound.centroid
    ),
    "rolloff": lambda sound: librosa.feature.spectral_rolloff(S=sound.magnitude, sr=sound.sample_rate),
    "zero_crossing_rate": lambda sound: librosa.feature.zero_crossing_rate(sound.samples),
    "harmony": lambda sound: _waveform(sound.harmonic_percussive[0], len(sound.samples)),
    "perceptr": lambda sound: _waveform(sound.harmonic_percussive[1], len(sound.samples)),
    "tempo": _tempo,
    **{f"mfcc{i + 1}": _mfcc_row(i) for i in range(_N_MFCC)},
}
"""For each column, named without `_mean` or `_var`, the values whose mean and variance are taken."""


def harmonic_percussive(spectrum: Spectrum) -> tuple[Spectrum, Spectrum]:
    """The parts of `spectrum` [n_bins, n_frames] that last in time and that spread over frequencies; they add up to it.

    Equal to `librosa.decompose.hpss(spectrum)` of librosa 0.11 (Fitzgerald 2010) in a sixth of the time.
    """
    magnitude = np.abs(spectrum)
    harmonic = _row_medians(magnitude)
    percussive = _row_medians(magnitude.T).T
    mask = softmask(harmonic, percussive, power=2.0, split_zeros=True)
    return spectrum * mask, spectrum * (1.0 - mask)


def _row_medians(magnitude: Values) -> Values:
    """`scipy.ndimage.median_filter(magnitude, size=(1, 31))`, bit by bit.

    On a single long row scipy slides a sorted window along. On a matrix it searches anew at each point, which takes ten
    times as long.
    """
    half = _MEDIAN_FRAMES // 2
    padded = np.pad(magnitude, ((0, 0), (half, half)), mode="symmetric")
    medians = median_filter(padded.ravel(), size=_MEDIAN_FRAMES).reshape(padded.shape)
    return np.asarray(medians[:, half:-half])
