"""Arrays by name as bytes."""

import numpy as np
import pytest
from safetensors.numpy import save

from genre_batch.errors import UsageError
from genre_batch.model.estimators.arrays import load_arrays, save_arrays

SHAPES = {"a": (2, None), "b": (3,)}


def test_what_is_saved_is_loaded_even_of_a_strided_view() -> None:
    a = np.arange(16, dtype=np.float32).reshape(4, 4)[::2, ::2]
    loaded = load_arrays(save_arrays({"a": a, "b": np.array([3, 1, 2])}), SHAPES)
    assert loaded["a"].tolist() == [[0, 2], [8, 10]]
    assert loaded["b"].dtype == np.int64


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones((2, 4), np.float32)}, r"holds \['a'\], not \['a', 'b'\]"),
        ({"a": np.ones((2, 4), np.float32), "b": np.ones(4, np.float32)}, r"b is float32 \(4,\)"),
        ({"a": np.ones((2, 0), np.float32), "b": np.ones(3, np.float32)}, r"a is float32 \(2, 0\)"),
        ({"a": np.ones((2, 4, 1), np.float32), "b": np.ones(3, np.float32)}, r"a is float32 \(2, 4, 1\)"),
        ({"a": np.ones((2, 4), np.float64), "b": np.ones(3, np.float32)}, r"a is float64"),
        ({"a": np.full((2, 4), np.inf, np.float32), "b": np.ones(3, np.float32)}, "a is not finite"),
    ],
)
def test_other_arrays_are_named(
    arrays: dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_arrays(save(arrays), SHAPES)


def test_a_header_that_declares_more_than_there_is_is_refused() -> None:
    header = b'{"a":{"dtype":"F32","shape":[2,1000000000000],"data_offsets":[0,8000000000000]}}'
    with pytest.raises(UsageError, match="do not fit"):
        load_arrays(len(header).to_bytes(8, "little") + header, SHAPES)
