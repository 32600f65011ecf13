"""Samples are brought to one loudness; silence and NaN are rejected."""

import numpy as np
import pytest
from music import music

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.features.loudness import normalise_loudness, root_mean_square, without_offset


def square(level: float) -> np.ndarray:
    """[1000] float32: a square wave of that RMS."""
    return np.resize(np.array([level, -level], np.float32), 1000)


@pytest.mark.parametrize("gain", [0.01, 0.5, 1.0, 30.0])
@pytest.mark.parametrize("rms_dbfs", [-20.0, -14.0])
def test_the_rms_is_the_one_requested(gain: float, rms_dbfs: float) -> None:
    samples = normalise_loudness(music(1.0) * np.float32(gain), rms_dbfs)
    assert samples.dtype == np.float32
    assert 20 * np.log10(root_mean_square(samples)) == pytest.approx(rms_dbfs, abs=1e-4)


def test_only_the_scale_changes() -> None:
    samples = music(0.5)
    scaled = normalise_loudness(samples, -20.0)
    np.testing.assert_allclose(scaled / scaled.max(), samples / samples.max(), atol=1e-6)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(1000, np.float32), np.zeros(0, np.float32), square(0.9e-4)],
    ids=["zeros", "none", "below -80 dBFS"],
)
def test_silence_is_rejected(samples: np.ndarray) -> None:
    with pytest.raises(TrackRejected) as raised:
        normalise_loudness(samples, -20.0)
    assert (raised.value.reject.reason, raised.value.reject.stage) == (RejectReason.SILENT, RejectStage.FEATURES)


def test_just_above_the_limit_is_not_silent() -> None:
    assert root_mean_square(normalise_loudness(square(1.1e-4), -20.0)) == pytest.approx(0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_rejected(value: float) -> None:
    samples = music(0.1)
    samples[17] = value
    with pytest.raises(TrackRejected) as raised:
        normalise_loudness(samples, -20.0)
    assert (raised.value.reject.reason, raised.value.reject.stage) == (RejectReason.NOT_FINITE, RejectStage.FEATURES)


def test_huge_samples_of_a_float_file_do_not_overflow() -> None:
    samples = square(1e30)
    np.testing.assert_allclose(np.abs(normalise_loudness(samples, -20.0)), 0.1, rtol=1e-6)


def test_an_offset_is_taken_away() -> None:
    samples = music(1.0)
    moved = without_offset(samples + np.float32(0.5))
    np.testing.assert_allclose(moved, samples - samples.mean(), atol=1e-5)


def test_a_small_offset_leaves_the_samples_as_they_are() -> None:
    samples = music(1.0)
    assert without_offset(samples) is samples
