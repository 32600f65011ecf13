"""Finds all frames of an MPEG stream, by numpy over the header bytes."""

from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from genre_batch.decode.mpeg_frames import FrameHeader, parse_header
from genre_batch.storage.ranged_file import read_at, report_progress
from genre_batch.storage.spliced_file import ByteRange

_SCAN_BYTES = 1 << 20
_LOOK_AHEAD_BYTES = 16 * 1024
"""More than three frames, of which the longest has 2,881 bytes."""

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a stream. runs: the stretches of the file without anything between frames. counts: of each run."""

    counts: tuple[int, ...]
    runs: tuple[ByteRange, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)


def scan_frames(source: BinaryIO, start: int, size_bytes: int, first: FrameHeader) -> Frames:
    """The frames from byte `start` on that continue the stream of `first`. Skips anything between them.

    A frame counts if it begins where the last one ends, or if two more follow it. Reads the whole file, block by block,
    and reports progress after each, so that the time does not depend on what the bytes look like.
    """
    block, counts, runs = start, list[int](), list[ByteRange]()
    at: int | None = start
    while block < size_bytes:
        data = np.frombuffer(read_at(source, block, _SCAN_BYTES + _LOOK_AHEAD_BYTES), np.uint8)
        end = min(_SCAN_BYTES, len(data))
        found, at = _frames_in(data, None if at is None else at - block, end, first)
        for begin, stop, frames in found:
            if runs and runs[-1].end == block + begin:
                runs[-1] = ByteRange(runs[-1].start, block + stop)
                counts[-1] += frames
            else:
                runs.append(ByteRange(block + begin, block + stop))
                counts.append(frames)
        at, block = None if at is None else at + block, block + _SCAN_BYTES
        report_progress(source)
    if runs and runs[-1].end > size_bytes:
        runs[-1] = ByteRange(runs[-1].start, size_bytes)
    return Frames(tuple(counts), tuple(runs))


def _frames_in(
    data: npt.NDArray[np.uint8], at: int | None, end: int, first: FrameHeader
) -> tuple[list[tuple[int, int, int]], int | None]:
    """Runs (begin, end, frames) of the frames that begin before `end`, and where the next one must begin.

    at: where a frame must begin; None if the last one was followed by something else.
    """
    positions, following = _candidates(data, first)
    linked, confirmed = _links(positions, following, len(data))
    next_of = dict(zip(positions[linked].tolist(), following[linked].tolist(), strict=True))
    starts = positions[confirmed]
    runs: list[tuple[int, int, int]] = []
    searched = 0
    while at is None or at < end:
        if at is None:
            number = int(np.searchsorted(starts, searched))
            if number == len(starts) or starts[number] >= end:
                return runs, None
            at = int(starts[number])
        begin, reached, frames = at, at, 0
        while reached < end and reached in next_of:
            reached = next_of[reached]
            frames += 1
        if frames:
            runs.append((begin, reached, frames))
        at, searched = (None, reached) if reached < end else (reached, reached)
    return runs, at


def _candidates(data: npt.NDArray[np.uint8], first: FrameHeader) -> tuple[_Ints, _Ints]:
    """Where bytes look like a header of the stream, and where the frame there would end."""
    if len(data) < 4:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    positions = np.flatnonzero(data[:-3] == 0xFF)
    fields = data[positions + 1].astype(np.int64) << 8 | data[positions + 2]
    lengths = _frame_bytes(first.mpeg1, first.layer, first.sample_rate)[fields]
    return positions[lengths > 0], (positions + lengths)[lengths > 0]


@lru_cache(maxsize=8)
def _frame_bytes(mpeg1: bool, layer: int, sample_rate: int) -> _Ints:
    """[65536]: the length of the frame by the second and third byte of its header; 0 if it is not of the stream."""
    table = np.zeros(1 << 16, np.int64)
    for second in range(0xE0, 0x100):
        for third in range(0x100):
            header = parse_header(bytes((0xFF, second, third, 0)))
            if header is not None and (header.mpeg1, header.layer, header.sample_rate) == (mpeg1, layer, sample_rate):
                table[second << 8 | third] = header.frame_bytes
    return table


def _links(positions: _Ints, following: _Ints, size: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which candidates follow one or are followed by one, and which are followed by two, each where the last ends."""
    following = np.minimum(following, size)
    is_candidate, is_following = np.zeros(size + 1, np.bool_), np.zeros(size + 1, np.bool_)
    is_candidate[positions] = is_following[following] = True
    next_of = np.full(size + 1, size, np.int64)
    next_of[positions] = following
    followed = is_candidate[following]
    return followed | is_following[positions], followed & is_candidate[next_of[following]]
