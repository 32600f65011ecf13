"""The curves are what librosa gives with the settings of the published table."""

import librosa
import numpy as np
import pytest
from music import music

from genre_batch.decode.waveform import Samples
from genre_batch.features.descriptor_curves import CURVES, AnalysedSound, harmonic_percussive

RATE = 22_050


def librosa_curves(samples: Samples) -> dict[str, np.ndarray]:
    """Each curve by one call of librosa on the samples, mirrored at their ends as librosa 0.7 did."""
    feature, mirrored = librosa.feature, {"y": samples, "sr": RATE, "pad_mode": "reflect"}
    spectrum = librosa.stft(samples, pad_mode="reflect")
    harmonic, percussive = (librosa.istft(part) for part in librosa.decompose.hpss(spectrum))
    onsets = librosa.onset.onset_strength(**mirrored, aggregate=np.median)
    return {
        "chroma_stft": feature.chroma_stft(**mirrored),
        "rms": feature.rms(y=samples, pad_mode="reflect"),
        "spectral_centroid": feature.spectral_centroid(**mirrored),
        "spectral_bandwidth": feature.spectral_bandwidth(**mirrored),
        "rolloff": feature.spectral_rolloff(**mirrored),
        "zero_crossing_rate": feature.zero_crossing_rate(samples),
        "harmony": librosa.util.fix_length(harmonic, size=len(samples)),
        "perceptr": librosa.util.fix_length(percussive, size=len(samples)),
        "tempo": feature.tempo(onset_envelope=onsets, sr=RATE),
    } | {f"mfcc{i + 1}": row for i, row in enumerate(feature.mfcc(**mirrored))}


@pytest.mark.parametrize("length_s", [1.0, 3.0, 11.01])
def test_equals_librosa(length_s: float) -> None:
    """To 1e-4 of a value, or of the largest value where the curve is near 0."""
    samples = music(12.0)[: round(length_s * RATE)]
    expected = librosa_curves(samples)
    assert set(CURVES) == set(expected)
    for name, curve in CURVES.items():
        largest = np.abs(expected[name]).max()
        values = np.reshape(curve(AnalysedSound(samples, RATE)), expected[name].shape)
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-4 * largest, err_msg=name)


def test_a_sound_without_an_onset_has_no_tempo() -> None:
    assert CURVES["tempo"](AnalysedSound(np.full(RATE, 0.5, np.float32), RATE)).tolist() == [0.0]


@pytest.mark.parametrize("beats_per_minute", [90.0, 100.0, 130.0])
def test_the_tempo_is_that_of_the_beat(beats_per_minute: float) -> None:
    """At most half a frame of 23 ms off per beat, which is less than 2 % for these tempos."""
    clicks = np.zeros(12 * RATE, np.float32)
    clicks[:: round(60.0 / beats_per_minute * RATE)] = 1.0
    assert CURVES["tempo"](AnalysedSound(clicks, RATE))[0] == pytest.approx(beats_per_minute, rel=0.02)


def test_the_parts_add_up_to_the_sound() -> None:
    """Except for what follows the last whole frame."""
    samples = music(2.0)
    both = CURVES["harmony"](AnalysedSound(samples, RATE)) + CURVES["perceptr"](AnalysedSound(samples, RATE))
    whole = len(samples) // 512 * 512
    np.testing.assert_allclose(both[:whole], samples[:whole], atol=1e-4)
    assert not both[whole:].any()


@pytest.mark.parametrize("length_s", [0.02, 0.5, 6.0])
def test_harmonic_and_percussive_parts_are_librosas(length_s: float) -> None:
    samples = music(7.0)[22_050:][: round(length_s * 22_050)]
    spectrum = librosa.stft(samples, n_fft=1024 if length_s > 0.1 else 256)
    for part, expected in zip(harmonic_percussive(spectrum), librosa.decompose.hpss(spectrum), strict=True):
        assert part.dtype == np.complex64
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5 * np.abs(spectrum).max())


def test_silence_has_two_silent_parts() -> None:
    for part in harmonic_percussive(np.zeros((65, 40), np.complex64)):
        assert not part.any()
