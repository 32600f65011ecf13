"""The curves are what librosa gives with the settings of the published table."""

import librosa
import numpy as np
import pytest
from music import music

from genre_batch.decode.waveform import Samples
from genre_batch.features.descriptor_curves import CURVES, Sound

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
    """To 1e-4 of a value, or of the largest one where the curve passes 0."""
    samples = music(12.0)[: round(length_s * RATE)]
    expected = librosa_curves(samples)
    assert set(CURVES) == set(expected)
    for name, curve in CURVES.items():
        largest = np.abs(expected[name]).max()
        values = np.reshape(curve(Sound(samples, RATE)), expected[name].shape)
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-4 * largest, err_msg=name)


def test_a_sound_without_an_onset_has_no_tempo() -> None:
    assert CURVES["tempo"](Sound(np.full(RATE, 0.5, np.float32), RATE)).tolist() == [0.0]


def test_the_tempo_is_that_of_the_beat() -> None:
    clicks = np.zeros(10 * RATE, np.float32)
    clicks[:: RATE // 2] = 1.0
    assert CURVES["tempo"](Sound(clicks, RATE))[0] == pytest.approx(120.0, rel=0.05)


def test_the_parts_add_up_to_the_sound() -> None:
    """But for what follows the last whole frame."""
    samples = music(2.0)
    both = CURVES["harmony"](Sound(samples, RATE)) + CURVES["perceptr"](Sound(samples, RATE))
    whole = len(samples) // 512 * 512
    np.testing.assert_allclose(both[:whole], samples[:whole], atol=1e-4)
    assert not both[whole:].any()
