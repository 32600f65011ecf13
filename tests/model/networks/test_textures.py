"""Statistics of a segment against other libraries, and their independence of the rest of the batch."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.fft import dct
from scipy.linalg import logm

from genre_batch.model.networks.textures import Textures

TEXTURES = Textures(128, 256)


def segments(count: int) -> torch.Tensor:
    values = np.random.default_rng(5).normal(-40.0, 12.0, (count, 1, 128, 256))
    return torch.from_numpy(values.astype(np.float32))


def test_there_are_748_of_them_and_all_are_finite() -> None:
    silence = torch.full((1, 1, 128, 256), -80.0)
    for inputs in (segments(3), silence):
        textures = TEXTURES(inputs)
        assert textures.shape == (len(inputs), 748)
        assert textures.dtype == torch.float32
        assert torch.isfinite(textures).all()


def test_the_first_are_means_and_spreads_of_mfcc() -> None:
    (segment,) = segments(1)
    mfcc = dct(segment[0].numpy(), axis=0, norm="ortho")[:20]
    found = TEXTURES(segment[None])[0].numpy()
    np.testing.assert_allclose(found[:20], mfcc.mean(axis=1), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(found[20:40], np.log(mfcc.std(axis=1) + 1e-2), atol=1e-3)


def test_the_covariance_is_that_of_scipy() -> None:
    (segment,) = segments(1)
    mfcc = dct(segment[0].numpy().astype(np.float64), axis=0, norm="ortho")[:12]
    both = np.concatenate([mfcc[:, 4:-4], mfcc[:, 8:] - mfcc[:, :-8]])
    logarithm = logm(np.cov(both, bias=True) + 3.0 * np.eye(24))
    rows, columns = np.triu_indices(24)
    expected = logarithm[rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
    np.testing.assert_allclose(TEXTURES(segment[None])[0, 92:392].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("lag", [10, 24, 44])
def test_a_beat_is_found_at_its_lag(lag: int) -> None:
    beat = torch.full((1, 1, 128, 256), -60.0)
    beat[..., ::lag] = -10.0
    lags = (4, 6, 8, 11, 14, 18, 22, 27, 33, 40, 48, 58, 70, 84, 102, 128)
    first_range = TEXTURES(beat)[0, 680:740].reshape(15, 4)[:, 0]
    hit = [low <= lag < high for low, high in pairwise(lags)].index(True)
    assert first_range[hit] > 0.8
    assert first_range[hit - 1] < 0.3


def test_a_segments_statistics_have_the_same_bits_in_any_batch() -> None:
    batch = segments(7)
    together = TEXTURES(batch)
    for shift in (1, 3):
        assert torch.equal(TEXTURES(torch.roll(batch, shift, 0)), torch.roll(together, shift, 0))
