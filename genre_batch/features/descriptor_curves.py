"""The curves behind the descriptors of the published GTZAN table (seed 000), by librosa.

The table was made by a librosa before 0.9, which mirrored a sound at its ends where later versions put zeros, and left
out of inverse transforms what follows the last whole frame.
"""

from collections.abc import Callable
from functools import cached_property

import librosa
import librosa.feature.rhythm  # librosa loads its modules on first use, when a sandboxed child can open no file
import librosa.feature.spectral
import librosa.onset
import numpy as np
import numpy.typing as npt

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.decode.waveform import Samples
from genre_batch.features.harmonic_percussive import Spectrum, harmonic_percussive

_Floats = npt.NDArray[np.float32]

_N_FFT = 2048
_HOP_LENGTH = 512
_N_MFCC = 20


class Sound:
    """A sound, and what several of its curves need: computed once, and not before one asks for it.

    samples: [n] float32. A curve raises TrackRejected (NOT_FINITE) where their power is beyond single precision.
    """

    def __init__(self, samples: Samples, sample_rate: int) -> None:
        self.samples = samples
        self.sample_rate = sample_rate

    @cached_property
    def spectrum(self) -> Spectrum:
        """[1025, n_frames]; from it come the other properties, in librosa's shapes."""
        mirrored = np.pad(self.samples, _N_FFT // 2, mode="reflect")
        return librosa.stft(mirrored, n_fft=_N_FFT, hop_length=_HOP_LENGTH, center=False)

    @cached_property
    def magnitude(self) -> _Floats:
        """Of the spectrum."""
        return np.abs(self.spectrum)

    @cached_property
    def power(self) -> _Floats:
        """Of the spectrum."""
        with np.errstate(over="ignore"):
            power: _Floats = np.square(self.magnitude)
        if not np.isfinite(power).all():
            raise TrackRejected(RejectReason.NOT_FINITE, Stage.FEATURES, "the samples are too large for their power")
        return power

    @cached_property
    def centroid(self) -> _Floats:
        """Hz, [1, n_frames]."""
        return librosa.feature.spectral_centroid(S=self.magnitude, sr=self.sample_rate)

    @cached_property
    def mel_decibels(self) -> _Floats:
        """[128, n_frames]."""
        mel: _Floats = librosa.feature.melspectrogram(S=self.power, sr=self.sample_rate)
        return np.asarray(librosa.power_to_db(mel), np.float32)

    @cached_property
    def mfcc(self) -> _Floats:
        """[20, n_frames]."""
        return librosa.feature.mfcc(S=self.mel_decibels, n_mfcc=_N_MFCC)

    @cached_property
    def harmonic_percussive(self) -> tuple[Spectrum, Spectrum]:
        """Both parts of the spectrum."""
        return harmonic_percussive(self.spectrum)


def _waveform(spectrum: Spectrum, n: int) -> _Floats:
    return librosa.util.fix_length(librosa.istft(spectrum, hop_length=_HOP_LENGTH), size=n)


def _tempo(sound: Sound) -> _Floats:
    """The tempo that `librosa.beat.beat_track` starts from; 0 without any onset."""
    onsets = librosa.onset.onset_strength(S=sound.mel_decibels, sr=sound.sample_rate, aggregate=np.median)
    if not onsets.any():
        return np.zeros(1, np.float32)
    return librosa.feature.tempo(onset_envelope=onsets, sr=sound.sample_rate, hop_length=_HOP_LENGTH)


def _mfcc_row(row: int) -> Callable[[Sound], _Floats]:
    return lambda sound: sound.mfcc[row]


CURVES: dict[str, Callable[[Sound], _Floats]] = {
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
"""For each name of a column, less `_mean` or `_var`, the values that these are taken of."""
