"""FLAC through dr_flac (miniaudio), which takes two thirds of libsndfile's time for the same bits."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.byte_source import read_at
from genre_batch.decode.downmix import downmix
from genre_batch.decode.flac_frames import read_stream_info
from genre_batch.decode.ranged_file import tell_alive
from genre_batch.decode.rejected import rejected
from genre_batch.decode.waveform import Samples

HAS_DR_FLAC = find_spec("miniaudio") is not None
"""Whether it is installed: there is no wheel for Linux on ARM, where libsndfile reads FLAC."""

Frames = npt.NDArray[np.float32]

_BLOCK_FRAMES = 1 << 14

if HAS_DR_FLAC:  # a sandbox's children can open no file, so they cannot import it when it is needed
    import miniaudio


class FlacReader:
    """Part of a FLAC file: `source` has a stream info and whole frames, `frames` samples per channel in all.

    dr_flac leaves out a frame whose checksum is wrong and says nothing. So all of `source` is decoded, and if that
    gives another number of samples, none of them is believed. Opening raises TrackRejected: `corrupt`.
    """

    name = "miniaudio"

    def __init__(self, source: BinaryIO, frames: int) -> None:
        info = read_stream_info(source)
        if info is None:
            raise rejected(RejectReason.CORRUPT, "the FLAC file has no stream info")
        self._source = source
        self.sample_rate = info.sample_rate
        self.channels = info.channels
        self.frames = frames

    def read(self, start: int, count: int) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only where the file ends.

        Raises TrackRejected: `corrupt`.
        """
        count = max(0, min(count, self.frames - start))
        mono, done = np.empty(count, np.float32), 0
        for block in self._blocks():
            first, end = max(0, start - done), min(len(block), start + count - done)
            if first < end:
                mono[done + first - start : done + end - start] = downmix([*block[first:end].T])
            done += len(block)
            if done > self.frames:
                break
            tell_alive(self._source)
        if done != self.frames:
            raise rejected(RejectReason.CORRUPT, f"dr_flac: {done} samples where there should be {self.frames}")
        return mono

    def _blocks(self) -> Iterator[Frames]:
        """All frames [n, channels], a block at a time."""
        data = read_at(self._source, 0, sys.maxsize)
        as_float = miniaudio.SampleFormat.FLOAT32
        try:
            for block in miniaudio.stream_memory(data, as_float, self.channels, self.sample_rate, _BLOCK_FRAMES):
                yield np.frombuffer(block, np.float32).reshape(-1, self.channels)
        except miniaudio.MiniaudioError as error:
            raise rejected(RejectReason.CORRUPT, f"dr_flac: {error}") from error

    def close(self) -> None:
        """Nothing is kept; the source stays open."""
