"""Batches have one shape, hold what they should and are filled up with zeros."""

import numpy as np
import pytest
import torch

from genre_batch.model.staging import HostStaging, PinnedStaging, copied_batch

SHAPE = (4, 3, 5)


def segments(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 3, 5)).astype(np.float16)


@pytest.fixture(params=["host", "pinned"])
def staging(request: pytest.FixtureRequest) -> HostStaging | PinnedStaging:
    if request.param == "host":
        return HostStaging(SHAPE)
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return PinnedStaging(SHAPE, torch.device("cuda"))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 23])
def test_all_segments_arrive_in_order_in_batches_of_one_shape(staging: HostStaging | PinnedStaging, count: int) -> None:
    wanted = segments(count)
    wanted.setflags(write=False)
    batches = [batch.cpu().numpy().copy() for batch in staging.batches(wanted)]
    assert {batch.shape for batch in batches} == {(4, 1, 3, 5)}
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    together = np.concatenate(batches)[:, 0]
    np.testing.assert_array_equal(together[:count], wanted.astype(np.float32))
    assert (together[count:] == 0).all()


def test_a_second_call_leaves_nothing_of_the_first(staging: HostStaging | PinnedStaging) -> None:
    list(staging.batches(segments(4)))
    (batch,) = staging.batches(segments(1))
    assert (batch[1:] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_batch_is_not_changed_by_what_is_staged_next(dtype: torch.dtype) -> None:
    staged = torch.ones(SHAPE, dtype=dtype)
    batch = copied_batch(staged)
    staged.zero_()
    assert batch.shape == (4, 1, 3, 5)
    assert batch.dtype == torch.float32
    assert (batch == 1).all()


def test_no_segments_make_no_batch(staging: HostStaging | PinnedStaging) -> None:
    assert list(staging.batches(segments(0))) == []
