"""Cuts a spectrogram into model inputs of a fixed length."""

import numpy as np
import numpy.typing as npt

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


def standardise(segments: Spectrogram, mean: list[float], std: list[float]) -> npt.NDArray[np.float16]:
    """`segments` [n, n_bands, frames] with each band's `mean` taken off and divided by its `std`, as float16.

    Empty lists leave the values as they are.
    """
    if mean:
        centre = np.asarray(mean, np.float32)[None, :, None]
        scale = np.float32(1.0) / np.asarray(std, np.float32)[None, :, None]
        segments = (segments - centre) * scale
    return segments.astype(np.float16)
