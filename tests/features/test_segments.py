"""Features are cut into whole segments, at least one per track, standardised and checked for NaN and infinity."""

import numpy as np
import pytest

from genre_batch.features.segments import all_finite, count_segments, cut_segments, standardise


def ramp(n_frames: int, n_bands: int = 3) -> np.ndarray:
    """Band b of frame t is 1000 b + t."""
    return (1000 * np.arange(n_bands)[:, None] + np.arange(n_frames)).astype(np.float32)


@pytest.mark.parametrize(
    ("n_frames", "segment_frames", "hop_frames", "starts"),
    [
        (10, 4, 4, [0, 4]),
        (12, 4, 4, [0, 4, 8]),
        (10, 4, 2, [0, 2, 4, 6]),
        (10, 4, 7, [0]),
        (4, 4, 1, [0]),
        (11, 4, 7, [0, 7]),
    ],
)
def test_segments_are_whole_and_begin_every_hop(
    n_frames: int, segment_frames: int, hop_frames: int, starts: list[int]
) -> None:
    spectrogram = ramp(n_frames)
    segments = cut_segments(spectrogram, segment_frames, hop_frames)
    assert len(segments) == count_segments(n_frames, segment_frames, hop_frames) == len(starts)
    for segment, start in zip(segments, starts, strict=True):
        np.testing.assert_array_equal(segment, spectrogram[:, start : start + segment_frames])


def test_a_short_track_is_repeated_from_its_beginning() -> None:
    segments = cut_segments(ramp(3), 8, 8)
    assert len(segments) == count_segments(3, 8, 8) == 1
    np.testing.assert_array_equal(segments[0, 0], [0, 1, 2, 0, 1, 2, 0, 1])
    np.testing.assert_array_equal(segments[0, 2], np.array([0, 1, 2, 0, 1, 2, 0, 1]) + 2000)


def test_each_band_has_its_own_mean_and_std() -> None:
    segments = cut_segments(ramp(8, n_bands=2), 4, 4)
    result = standardise(segments, mean=[0.0, 1000.0], std=[1.0, 2.0])
    assert result.dtype == np.float16
    np.testing.assert_array_equal(result[1], [[4, 5, 6, 7], [2, 2.5, 3, 3.5]])


def test_without_mean_and_std_values_stay() -> None:
    segments = cut_segments(ramp(4, n_bands=1), 4, 4)
    result = standardise(segments, [], [])
    assert result.dtype == np.float16
    np.testing.assert_array_equal(result, segments)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_half_precision_number_is_classified_as_numpy_does(order: str) -> None:
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(f"{order}f2")
    np.testing.assert_array_equal([all_finite(numbers[i : i + 1]) for i in range(1 << 16)], np.isfinite(numbers))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_bad_number_among_good_ones_is_found(dtype: type, value: float) -> None:
    numbers = np.linspace(-60_000, 60_000, 600).astype(dtype).reshape(2, 3, 100)
    assert all_finite(numbers)
    numbers[1, 2, 50] = value
    assert not all_finite(numbers)
    assert not all_finite(numbers[:, 2])


def test_no_numbers_are_all_finite() -> None:
    assert all_finite(np.empty(0, np.float16))
