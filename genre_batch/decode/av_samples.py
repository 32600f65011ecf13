"""The samples of libav frames as mono float32."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.downmix import downmix
from genre_batch.decode.rejected import rejected
from genre_batch.decode.waveform import Samples

_PCM = {"u8": ("u1", 128.0), "s16": ("i2", 2.0**15), "s32": ("i4", 2.0**31), "flt": ("f4", 1.0), "dbl": ("f8", 1.0)}
"""Type and full scale of libav's sample formats; the planar ones have a "p" behind their names."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The samples `first` to `last` (not with it) of a frame."""

    frame: AudioFrame
    first: int
    last: int


def to_mono(cuts: list[Cut]) -> Samples:
    """All cuts one after the other, as mono [n] float32 with full scale 1.0; their frames must be of one format.

    Bytes are joined first and converted once: frames have about a thousand samples, so that numpy calls for each
    (such as those of `AudioFrame.to_ndarray`) take longer than decoding. Raises TrackRejected: `unsupported`.
    """
    name = cuts[0].frame.format.name.removesuffix("p")
    if name not in _PCM:
        raise rejected(RejectReason.UNSUPPORTED, f"samples in the format {name}")
    kind, full_scale = _PCM[name]
    mono = downmix([plane.astype(np.float32, copy=False) for plane in _planes(cuts, kind)])
    if name == "u8":
        mono -= np.float32(full_scale)
    if full_scale != 1.0:
        mono *= np.float32(1.0 / full_scale)
    return mono


def _planes(cuts: list[Cut], kind: str) -> list[npt.NDArray[np.generic]]:
    """One array a channel."""
    channels, planar = cuts[0].frame.layout.nb_channels, cuts[0].frame.format.is_planar
    sample_bytes = cuts[0].frame.format.bytes * (1 if planar else channels)
    parts: list[list[memoryview]] = [[] for _ in range(channels if planar else 1)]
    for cut in cuts:
        for part, plane in zip(parts, cut.frame.planes[: len(parts)], strict=True):
            part.append(memoryview(plane)[cut.first * sample_bytes : cut.last * sample_bytes])
    arrays = [np.frombuffer(b"".join(part), kind) for part in parts]
    return arrays if planar else list(arrays[0].reshape(-1, channels).T)
