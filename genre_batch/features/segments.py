"""Cuts a spectrogram into model inputs of a fixed length."""

import numpy as np
import numpy.typing as npt

from genre_batch.decode.waveform import Samples
from genre_batch.features.log_mel import Spectrogram


def cut_segments(spectrogram: Spectrogram, segment_frames: int, hop_frames: int) -> Spectrogram:
    """Whole segments [n_segments, n_bands, segment_frames], one every `hop_frames`, of `spectrogram` [n_bands, n].

    Frames after the last whole segment are left out. A spectrogram shorter than one segment is repeated from its
    beginning until it fills exactly one: unlike silence, that keeps its level and texture.
    """
    n_frames = spectrogram.shape[1]
    if n_frames < segment_frames:
        return spectrogram[None, :, np.arange(segment_frames) % n_frames]
    windows = np.lib.stride_tricks.sliding_window_view(spectrogram, segment_frames, axis=1)
    return windows[:, ::hop_frames].transpose(1, 0, 2)


def count_segments(n_frames: int, segment_frames: int, hop_frames: int) -> int:
    """How many segments `cut_segments` makes of `n_frames`."""
    return 1 + max(0, n_frames - segment_frames) // hop_frames


def cut_samples(samples: Samples, segment_samples: int) -> list[Samples]:
    """Whole pieces of `segment_samples` of `samples` [n]; what is shorter than one is the only piece, as it is.

    Samples after the last whole piece are left out.
    """
    if len(samples) < segment_samples:
        return [samples]
    starts = range(0, len(samples) - segment_samples + 1, segment_samples)
    return [samples[start : start + segment_samples] for start in starts]


def standardise(
    segments: Spectrogram, mean: list[float], std: list[float], dtype: type[np.float16] | type[np.float32] = np.float16
) -> npt.NDArray[np.float16 | np.float32]:
    """`segments` [n, rows, columns] with each row's `mean` taken off and divided by its `std`, as `dtype`.

    Empty lists leave the values as they are. What is too large for `dtype` becomes infinite.
    """
    if mean:
        centre = np.asarray(mean, np.float32)[None, :, None]
        scale = np.float32(1.0) / np.asarray(std, np.float32)[None, :, None]
        segments = (segments - centre) * scale
    with np.errstate(over="ignore"):
        return segments.astype(dtype)
