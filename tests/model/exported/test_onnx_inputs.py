"""Axes of segments and of exported models."""

import numpy as np
import pytest

from genre_batch.model.exported.onnx_inputs import Layout, fits, input_shape, shape_text, to_layout

LAYOUTS: list[tuple[Layout, tuple[int | str, ...]]] = [
    ("BCHW", ("B", 1, 3, 4)),
    ("BHW", ("B", 3, 4)),
    ("BHWC", ("B", 3, 4, 1)),
    ("BWH", ("B", 4, 3)),
    ("BW", ("B", 12)),
]


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS)
def test_the_declared_shape_is_the_shape_made(layout: Layout, shape: tuple[int | str, ...]) -> None:
    segments = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert input_shape(layout, 3, 4) == shape
    assert to_layout(segments, layout).shape == (2, *shape[1:])


def test_one_segment_alone_has_no_axis_of_segments() -> None:
    segments = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    assert input_shape("W", 3, 4) == (12,)
    assert to_layout(segments, "W").tolist() == list(range(12))
    assert fits(["samples"], (12,))


def test_rows_and_columns_keep_their_values() -> None:
    segments = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert to_layout(segments, "BWH")[1, 3, 0] == segments[1, 0, 3]
    assert to_layout(segments, "BW")[1, 5] == segments[1, 1, 1]
    assert to_layout(segments, "BCHW")[1, 0, 2, 3] == to_layout(segments, "BHWC")[1, 2, 3, 0] == 23


@pytest.mark.parametrize("declared", [["batch", 1, 3, 4], [None, 1, None, "frames"], [1, 1, 3, 4], [8, 1, 3, 4]])
def test_a_free_length_and_any_batch_fit(declared: list[int | str | None]) -> None:
    assert fits(declared, ("B", 1, 3, 4))


@pytest.mark.parametrize("declared", [["batch", 3, 4], ["batch", 1, 3, 5], ["batch", 3, 3, 4], []])
def test_another_length_or_rank_does_not(declared: list[int | str | None]) -> None:
    assert not fits(declared, ("B", 1, 3, 4))


def test_a_shape_in_a_message() -> None:
    assert shape_text(("B", 1, None, 4)) == "[B, 1, ?, 4]"
