"""The log-mel spectrogram is librosa's."""

import io
import os
import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
from audio_samples import encode
from music import music

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Samples, resample
from genre_batch.decode.window import Window
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd, log_mel, mel_filters, mel_power

GOLDEN = Path(__file__).parents[2] / "golden" / "log_mel.npz"
SETTINGS = [
    {"sample_rate": 22_050, "n_fft": 2048, "hop_length": 512, "n_mels": 128},
    {"sample_rate": 16_000, "n_fft": 512, "hop_length": 160, "n_mels": 40},
    {"sample_rate": 44_100, "n_fft": 4096, "hop_length": 1000, "n_mels": 229},
]
DEFAULT = SETTINGS[0]


def librosa_power(samples: Samples, settings: dict[str, int]) -> np.ndarray:
    others = {name: settings[name] for name in ("n_fft", "hop_length", "n_mels")}
    return librosa.feature.melspectrogram(y=samples, sr=settings["sample_rate"], **others)


def assert_equals_librosa(samples: Samples, settings: dict[str, int]) -> None:
    """Power to 1e-5 of each value; decibels too, except near 0: there to 1e-5 dB."""
    expected = librosa_power(samples, settings)
    power = mel_power(samples, **settings)
    assert power.dtype == np.float32
    np.testing.assert_allclose(power, expected, rtol=1e-5, atol=1e-20)
    decibels = log_mel(samples, **settings, top_db=80.0)
    assert decibels.dtype == np.float32
    np.testing.assert_allclose(decibels, librosa.power_to_db(expected, ref=1.0, top_db=80.0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_librosa_with_any_settings(settings: dict[str, int]) -> None:
    assert_equals_librosa(music(2.5, settings["sample_rate"]), settings)


@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large")
@pytest.mark.parametrize("length", [1, 511, 512, 1023, 1024, 2047, 2048, 2049, 32_768, 100_001, 661_500])
def test_equals_librosa_at_any_length(length: int) -> None:
    assert_equals_librosa(music(30.0)[:length], DEFAULT)


@pytest.mark.parametrize("encoding", ["wav", "flac", "mp3", "ogg", "m4a", "alac", "opus", "aiff"])
@pytest.mark.parametrize("length_s", [3.0, 11.3])
def test_equals_librosa_on_decoded_music(encoding: str, length_s: float) -> None:
    data = encode(music(length_s, 48_000)[:, None].repeat(2, axis=1), 48_000, encoding)
    waveform = decode_window(io.BytesIO(data), len(data), "track", Window())
    assert_equals_librosa(resample(waveform.samples, waveform.sample_rate, 22_050), DEFAULT)


def test_bands_far_below_the_loudest_one_are_exact_too() -> None:
    """A loud low tone leaves less than 1e-12 of its power above; single precision would bury that in rounding."""
    seconds = np.arange(44_100) / 22_050
    samples = np.sin(2 * np.pi * 110 * seconds) + 1e-6 * np.sin(2 * np.pi * 9_000 * seconds)
    assert_equals_librosa(samples.astype(np.float32), DEFAULT)


def test_values_are_those_pinned_when_librosa_0_11_was_compared() -> None:
    with np.load(GOLDEN, allow_pickle=False) as golden:
        samples = golden["audio"].astype(np.float32) / np.float32(32768.0)
        np.testing.assert_allclose(log_mel(samples, **DEFAULT, top_db=80.0), golden["decibels"], rtol=1e-5, atol=1e-5)


def test_quiet_bands_are_lifted_to_top_db_below_the_loudest() -> None:
    decibels = log_mel(music(1.0), **DEFAULT, top_db=30.0)
    assert decibels.min() == pytest.approx(decibels.max() - 30.0)


def test_zeros_become_the_least_power() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(5000, np.float32), **DEFAULT, top_db=80.0), -100.0, rtol=1e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_filters_equal_librosas(settings: dict[str, int]) -> None:
    filters = mel_filters(settings["sample_rate"], settings["n_fft"], settings["n_mels"])
    expected = librosa.filters.mel(sr=settings["sample_rate"], n_fft=settings["n_fft"], n_mels=settings["n_mels"])
    np.testing.assert_allclose(filters, expected, rtol=1e-5, atol=1e-8)


def test_filters_without_a_bin_of_their_own_are_zero() -> None:
    """64 bands over 33 bins: some lie between two bins. librosa warns and gives zeros."""
    samples = music(0.5)
    power = mel_power(samples, sample_rate=22_050, n_fft=64, hop_length=32, n_mels=64)
    assert (mel_filters(22_050, 64, 64).sum(axis=1) == 0).any()
    assert np.isfinite(power).all()
    assert (power[mel_filters(22_050, 64, 64).sum(axis=1) == 0] == 0).all()


_DIGEST = """
import hashlib
from music import music
from genre_batch.features.front_ends.log_mel import log_mel

decibels = log_mel(music(8.0), sample_rate=22_050, n_fft=2048, hop_length=512, n_mels=128, top_db=80.0)
print(hashlib.sha256(decibels.tobytes()).hexdigest())
"""


def digest(**variables: str) -> str:
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", _DIGEST]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300).stdout


def test_bits_do_not_depend_on_the_cpus_vector_units() -> None:
    """The machines of a cluster differ; a track's answer must not depend on which of them computed it."""
    used = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if not used:
        pytest.skip("numpy uses no vector unit beyond its baseline here")
    assert digest() == digest(NPY_DISABLE_CPU_FEATURES=" ".join(used), OPENBLAS_CORETYPE="Nehalem")


def test_the_samples_are_left_as_they_were() -> None:
    samples = music(0.5)
    before = samples.copy()
    log_mel(samples, **DEFAULT, top_db=80.0)
    np.testing.assert_array_equal(samples, before)


def test_loudness_follows_the_level_also_of_standardised_segments() -> None:
    plain = LogMelFrontEnd(segment_frames=128, segment_hop_frames=128, rms_dbfs=None)
    scaled = plain.model_copy(update={"mean": [-30.0] * 128, "std": [12.0] * 128})
    loud, soft = (gain * music(4.0) for gain in (0.5, 0.05))
    np.testing.assert_allclose(
        plain.loudness(plain.segments(loud)), 10 * plain.loudness(plain.segments(soft)), rtol=0.01
    )
    np.testing.assert_allclose(scaled.loudness(scaled.segments(loud)), plain.loudness(plain.segments(loud)), rtol=0.01)
