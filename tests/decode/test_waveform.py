"""Downmixing and resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.decode.waveform import downmix, resample


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 8, 24])
def test_is_the_mean_over_channels(channels: int) -> None:
    frames = np.random.default_rng(0).standard_normal((1000, channels)).astype(np.float32)
    mono = downmix(frames.T)
    assert mono.dtype == np.float32
    np.testing.assert_allclose(mono, frames.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_result_is_a_new_array(channels: int) -> None:
    frames = np.ones((10, channels), np.float32)
    mono = downmix(frames.T)
    frames[:] = 0
    assert (mono == 1).all()
    assert mono.flags.c_contiguous


def test_takes_planes() -> None:
    planes = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_allclose(downmix(list(planes)), planes.mean(axis=0))


RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]


@pytest.mark.parametrize("from_rate", RATES)
@pytest.mark.parametrize("to_rate", [16_000, 22_050, 44_100])
def test_a_tone_keeps_its_pitch(from_rate: int, to_rate: int) -> None:
    def tone(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 1000 * np.arange(rate * 2) / rate).astype(np.float32)

    converted = resample(tone(from_rate), from_rate, to_rate)
    assert converted.dtype == np.float32
    middle = slice(to_rate // 2, -to_rate // 2)
    np.testing.assert_allclose(converted[middle], tone(to_rate)[middle], atol=2e-4)


@given(st.integers(0, 5000), st.sampled_from(RATES), st.sampled_from(RATES))
def test_the_length_is_rounded_up(count: int, from_rate: int, to_rate: int) -> None:
    converted = resample(np.ones(count, np.float32), from_rate, to_rate)
    assert len(converted) == -(-count * to_rate // from_rate)


def test_thirty_seconds() -> None:
    assert len(resample(np.zeros(30 * 44_100, np.float32), 44_100, 22_050)) == 30 * 22_050


def test_equal_rates_change_nothing() -> None:
    samples = np.ones(10, np.float32)
    assert resample(samples, 44_100, 44_100) is samples
