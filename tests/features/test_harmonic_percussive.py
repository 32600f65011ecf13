"""Harmonic and percussive parts are librosa's."""

import librosa
import numpy as np
import pytest
from music import music

from genre_batch.features.harmonic_percussive import harmonic_percussive


@pytest.mark.parametrize("length_s", [0.02, 0.5, 6.0])
def test_equals_librosa(length_s: float) -> None:
    samples = music(7.0)[22_050:][: round(length_s * 22_050)]
    spectrum = librosa.stft(samples, n_fft=1024 if length_s > 0.1 else 256)
    for part, expected in zip(harmonic_percussive(spectrum), librosa.decompose.hpss(spectrum), strict=True):
        assert part.dtype == np.complex64
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5 * np.abs(spectrum).max())


def test_silence_has_two_silent_parts() -> None:
    for part in harmonic_percussive(np.zeros((65, 40), np.complex64)):
        assert not part.any()
