"""Whole FLAC frames through dr_flac, the fastest decoder for them."""

import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.formats.flac import read_stream_info
from genre_batch.decode.mix import Mix
from genre_batch.decode.rejected import rejected
from genre_batch.decode.waveform import Samples, downmix
from genre_batch.storage.ranged_file import read_at, report_progress

try:
    import miniaudio
except ImportError:  # there is no wheel for Linux on ARM
    miniaudio = None

_BLOCK_FRAMES = 1 << 14


class DrFlacReader:
    """ByteRange of a FLAC file: `source` has a stream info and whole frames, with `frames` samples per channel in all.

    dr_flac silently leaves out frames with a wrong checksum. So all of `source` is decoded, and its samples are used
    only if their number is right. Opening raises TrackRejected: `unsupported` if dr_flac is not installed, else
    `corrupt`.
    """

    name = "miniaudio"
    tracks = 1

    def __init__(self, source: BinaryIO, frames: int) -> None:
        if miniaudio is None:
            raise rejected(RejectReason.UNSUPPORTED, "dr_flac is not installed")
        info = read_stream_info(source)
        if info is None:
            raise rejected(RejectReason.CORRUPT, "the FLAC file has no stream info")
        self._source = source
        self.sample_rate = info.sample_rate
        self.channels = info.channels
        self.frames = frames

    def read(self, start: int, count: int, mix: Mix = downmix) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only at the end of the file.

        Raises TrackRejected: `corrupt`.
        """
        count = max(0, min(count, self.frames - start))
        mono, done = np.empty(count, np.float32), 0
        for block in self._blocks():
            first, end = max(0, start - done), min(len(block), start + count - done)
            if first < end:
                mono[done + first - start : done + end - start] = mix([*block[first:end].T])
            done += len(block)
            if done > self.frames:
                break
            report_progress(self._source)
        if done != self.frames:
            raise rejected(RejectReason.CORRUPT, f"dr_flac: {done} samples instead of {self.frames}")
        return mono

    def _blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        """All frames [n, channels], block by block."""
        data = read_at(self._source, 0, sys.maxsize)
        as_float = miniaudio.SampleFormat.FLOAT32
        try:
            for block in miniaudio.stream_memory(data, as_float, self.channels, self.sample_rate, _BLOCK_FRAMES):
                yield np.frombuffer(block, np.float32).reshape(-1, self.channels)
        except miniaudio.MiniaudioError as error:
            raise rejected(RejectReason.CORRUPT, f"dr_flac: {error}") from error

    def close(self) -> None:
        """Nothing to free; the source stays open."""
