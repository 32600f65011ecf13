"""Many channels to one."""

import numpy as np
import pytest

from genre_batch.decode.downmix import downmix


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
