"""Augmentations keep the shape, follow the seed, and change nothing else."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.training.augment import (
    Augmentation,
    alter,
    equalise,
    mask,
    mix,
    random_crop,
    shift_pitch,
)

STRONG = Augmentation(stretch=0.2, shift_bands=4, equaliser=0.3, mask_bands=8, mask_frames=16, mixup=0.4)


def random_segment(
    spectrogram: np.ndarray, frames: int, settings: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    return alter(random_crop(spectrogram, frames, settings.stretch, rng), settings, rng)


def noise(bands: int, frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(bands, frames)).astype(np.float32)


@settings(max_examples=50)
@given(available=st.integers(1, 200), frames=st.integers(1, 130), seed=st.integers(0, 2**32 - 1))
def test_any_length_gives_a_segment_of_the_requested_length(available: int, frames: int, seed: int) -> None:
    segment = random_segment(noise(24, available), frames, STRONG, np.random.default_rng(seed))
    assert segment.shape == (24, frames)
    assert segment.dtype == np.float32
    assert np.isfinite(segment).all()


def test_the_seed_decides_the_segment() -> None:
    spectrogram = noise(24, 120)
    first, again, other = (random_segment(spectrogram, 64, STRONG, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_spectrogram_is_not_changed() -> None:
    spectrogram = noise(24, 64)
    before = spectrogram.copy()
    random_segment(spectrogram, 64, STRONG, np.random.default_rng(3))
    np.testing.assert_array_equal(spectrogram, before)


def test_without_strength_a_crop_of_the_spectrogram_comes_back() -> None:
    spectrogram = noise(24, 90)
    segment = random_segment(spectrogram, 64, Augmentation(), np.random.default_rng(4))
    starts = [i for i in range(27) if np.array_equal(spectrogram[:, i : i + 64], segment)]
    assert len(starts) == 1


def test_a_short_spectrogram_is_repeated() -> None:
    crop = random_crop(noise(4, 10), 25, 0.0, np.random.default_rng(5))
    np.testing.assert_array_equal(crop[:, :10], crop[:, 10:20])


def test_a_stretched_ramp_stays_a_ramp_with_another_slope() -> None:
    ramp = np.arange(400, dtype=np.float32)[None]
    crops = [random_crop(ramp, 100, 0.2, np.random.default_rng(seed))[0] for seed in range(9)]
    slopes = {round(float(np.diff(crop).mean()), 3) for crop in crops}
    assert len(slopes) > 3
    assert all(0.78 < slope < 1.22 for slope in slopes)


def test_shifted_bands_are_the_old_ones_in_order() -> None:
    column = np.arange(20, dtype=np.float32)[:, None]
    shifts = {int(column[10, 0] - shift_pitch(column, 3, np.random.default_rng(seed))[10, 0]) for seed in range(60)}
    assert shifts == {-3, -2, -1, 0, 1, 2, 3}


def test_the_equaliser_changes_every_frame_equally() -> None:
    segment = noise(24, 30)
    change = equalise(segment, 0.5, np.random.default_rng(6)) - segment
    assert np.abs(change).max() > 0.1
    np.testing.assert_allclose(change, np.repeat(change[:, :1], 30, axis=1), atol=1e-6)


def test_two_ranges_of_bands_and_of_frames_are_masked() -> None:
    ones = np.ones((40, 60), np.float32)
    masked = [mask(ones, 5, 7, np.random.default_rng(seed)) == 0.0 for seed in range(200)]
    assert max(each.all(axis=1).sum() for each in masked) == 10
    assert max(each.all(axis=0).sum() for each in masked) == 14
    assert min(each.sum() for each in masked) < 100


def test_mixing_blends_examples_and_targets_with_one_weight() -> None:
    examples = np.eye(6, dtype=np.float32)
    mixed, targets = mix(examples, examples, 0.4, np.random.default_rng(8))
    np.testing.assert_array_equal(mixed, targets)
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, rtol=1e-6)
    assert (np.diag(targets) >= 0.5).all()
    assert np.count_nonzero(targets) > 6


def test_mixing_with_zero_changes_nothing() -> None:
    examples = noise(6, 3)
    mixed, targets = mix(examples, examples, 0.0, np.random.default_rng(8))
    assert mixed is examples
    assert targets is examples
