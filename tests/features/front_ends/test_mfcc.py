"""MFCC are librosa's."""

import librosa
import numpy as np
import pytest
from music import music

from genre_batch.decode.waveform import Samples
from genre_batch.features.front_ends.mfcc import MfccFrontEnd, mfcc

SETTINGS = [
    {"sample_rate": 22_050, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "n_mfcc": 20},
    {"sample_rate": 22_050, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "n_mfcc": 13},
    {"sample_rate": 16_000, "n_fft": 512, "hop_length": 160, "n_mels": 40, "n_mfcc": 40},
]


def librosa_mfcc(samples: Samples, settings: dict[str, int]) -> np.ndarray:
    others = {name: value for name, value in settings.items() if name != "sample_rate"}
    return librosa.feature.mfcc(y=samples, sr=settings["sample_rate"], **others)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("length_s", [0.5, 7.3])
def test_equals_librosa(settings: dict[str, int], length_s: float) -> None:
    """To 1e-4 of each value. Near 0, where terms of hundreds cancel, to 1e-4 of a unit."""
    samples = music(length_s, settings["sample_rate"])
    expected = librosa_mfcc(samples, settings)
    result = mfcc(samples, **settings)
    assert (result.dtype, result.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_a_louder_sound_differs_in_the_first_coefficient_alone() -> None:
    """Ten times the amplitude adds 20 dB to each of 128 bands: 20 times the root of 128 to the first coefficient."""
    samples = music(2.0)
    difference = mfcc(samples * np.float32(10.0), **SETTINGS[0]) - mfcc(samples, **SETTINGS[0])
    np.testing.assert_allclose(difference[0], 20.0 * np.sqrt(128.0), rtol=1e-3)
    np.testing.assert_allclose(difference[1:], 0.0, atol=1e-2)


def test_more_coefficients_than_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="at most as many"):
        MfccFrontEnd(n_mfcc=30, n_mels=20)
