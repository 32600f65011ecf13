"""The test for NaN and infinity, against numpy's on every number that half precision has."""

import numpy as np
import pytest

from genre_batch.features.finite import all_finite


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_half_precision_number_is_judged_as_numpy_does(order: str) -> None:
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


def test_nothing_is_finite() -> None:
    assert all_finite(np.empty(0, np.float16))
