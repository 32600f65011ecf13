"""The samples in libav's frames, as one channel."""

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.mix import Mix
from genre_batch.decode.rejected import rejected
from genre_batch.decode.waveform import Samples, downmix

_PCM = {"u8": ("u1", 128.0), "s16": ("i2", 2.0**15), "s32": ("i4", 2.0**31), "flt": ("f4", 1.0), "dbl": ("f8", 1.0)}
"""Type and full scale of libav's sample formats; the names of planar ones have a "p" appended."""


def to_mono(frame: AudioFrame, first: int, last: int, mix: Mix = downmix) -> Samples:
    """The samples of `frame` from `first` up to, but not including, `last`, as mono [n] float32 with full scale 1.0.

    Raises TrackRejected: `unsupported`.
    """
    name = frame.format.name.removesuffix("p")
    if name not in _PCM:
        raise rejected(RejectReason.UNSUPPORTED, f"samples in the format {name}")
    kind, full_scale = _PCM[name]
    planes = [plane.astype(np.float32, copy=False) for plane in _planes(frame, kind, first, last)]
    mono = mix([plane - np.float32(full_scale) for plane in planes] if name == "u8" else planes)
    if full_scale != 1.0:
        mono *= np.float32(1.0 / full_scale)
    return mono


def _planes(frame: AudioFrame, kind: str, first: int, last: int) -> list[npt.NDArray[np.generic]]:
    """One array per channel."""
    channels, planar = frame.layout.nb_channels, frame.format.is_planar
    values = 1 if planar else channels
    planes = frame.planes[: channels if planar else 1]  # PyAV lists too many planes from 8 channels on
    arrays = [np.frombuffer(memoryview(plane), kind)[first * values : last * values] for plane in planes]
    return arrays if planar else list(arrays[0].reshape(-1, channels).T)
