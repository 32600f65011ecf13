"""Segments with their axes in the order that an exported model takes."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Layout = Literal["BCHW", "BHW", "BHWC", "BWH", "BW", "W"]
"""Axes: B segments, C a single channel, H rows and W columns of a segment. In BW and W all rows are concatenated."""

Array = npt.NDArray[np.float16 | np.float32 | np.float64]
Dimension = int | str | None
OnnxShape = tuple[Dimension, ...]

ELEMENT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
"""The input types of ONNX Runtime that segments can be converted to."""


def input_shape(layout: Layout, rows: int, columns: int) -> OnnxShape:
    """The shape that `to_layout` gives to segments [B, rows, columns]; "B" stands for any number of segments."""
    width = columns if "H" in layout else rows * columns
    lengths: dict[str, Dimension] = {"B": "B", "C": 1, "H": rows, "W": width}
    return tuple(lengths[axis] for axis in layout)


def to_layout(segments: Array, layout: Layout) -> Array:
    """`segments` [B, rows, columns] with its axes in the order of `layout`; for W there must be exactly one."""
    match layout:
        case "BCHW":
            return segments[:, None]
        case "BHW":
            return segments
        case "BHWC":
            return segments[..., None]
        case "BWH":
            return np.ascontiguousarray(segments.transpose(0, 2, 1))
        case "BW":
            return segments.reshape(len(segments), -1)
        case "W":
            (segment,) = segments
            line: Array = segment.reshape(-1)
            return line


def fits(declared: Sequence[Dimension], given: Sequence[Dimension]) -> bool:
    """Whether an input with the `declared` axes takes the `given` ones; an axis without a fixed length takes any."""
    same_rank = len(declared) == len(given)
    pairs = zip(declared, given, strict=False)
    return same_rank and all(not isinstance(want, int) or have in (want, "B") for want, have in pairs)


def shape_text(shape: Sequence[Dimension]) -> str:
    """`shape` for a message: `[B, 1, 128, 1292]`, with `?` for a length that is not fixed."""
    return f"[{', '.join('?' if axis is None else str(axis) for axis in shape)}]"
