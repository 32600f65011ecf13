"""Cuts features into model inputs of a fixed length, standardises and checks them."""

import numpy as np
import numpy.typing as npt

from genre_batch.decode.waveform import Samples

Values = npt.NDArray[np.float32]
Segments = npt.NDArray[np.float16 | np.float32]
"""Model inputs, [n_segments, rows, columns]."""

_HALF_EXPONENT = 0x7C00


def cut_segments(frames: Values, segment_frames: int, hop_frames: int) -> Values:
    """Whole segments [n_segments, rows, segment_frames] of `frames` [rows, n_frames], one every `hop_frames`.

    Frames after the last whole segment are left out. Frames too few for a segment are repeated from the beginning
    until they fill exactly one: unlike silence, that keeps their level and texture.
    """
    n_frames = frames.shape[1]
    if n_frames < segment_frames:
        return frames[None, :, np.arange(segment_frames) % n_frames]
    windows = np.lib.stride_tricks.sliding_window_view(frames, segment_frames, axis=1)
    return windows[:, ::hop_frames].transpose(1, 0, 2)


def count_segments(n_frames: int, segment_frames: int, hop_frames: int) -> int:
    """The number of segments that `cut_segments` makes of `n_frames`."""
    return 1 + max(0, n_frames - segment_frames) // hop_frames


def cut_samples(samples: Samples, segment_samples: int) -> list[Samples]:
    """Whole pieces of `segment_samples` samples of `samples` [n]; fewer samples than that are the only piece.

    Samples after the last whole piece are left out.
    """
    if len(samples) < segment_samples:
        return [samples]
    starts = range(0, len(samples) - segment_samples + 1, segment_samples)
    return [samples[start : start + segment_samples] for start in starts]


def standardise(
    segments: Values, mean: list[float], std: list[float], dtype: type[np.float16] | type[np.float32] = np.float16
) -> Segments:
    """`segments` [n, rows, columns] less each row's `mean`, divided by its `std`, as `dtype`.

    Empty lists leave the values as they are. Values too large for `dtype` become infinite.
    """
    if mean:
        centre = np.asarray(mean, np.float32)[None, :, None]
        scale = np.float32(1.0) / np.asarray(std, np.float32)[None, :, None]
        segments = (segments - centre) * scale
    with np.errstate(over="ignore"):
        return segments.astype(dtype)


def all_finite(numbers: npt.NDArray[np.floating]) -> bool:
    """True unless `numbers` (of any shape) hold NaN or infinity.

    A half-precision number is neither unless all bits of its exponent are set. numpy's own test converts each number
    first and takes ten times as long.
    """
    if numbers.dtype.newbyteorder("=") != np.float16:
        return bool(np.isfinite(numbers).all())
    bits = numbers.view(numbers.dtype.str.replace("f", "u"))
    return not ((bits & _HALF_EXPONENT) == _HALF_EXPONENT).any()
