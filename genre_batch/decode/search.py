"""Finds the bytes that hold a frame, in formats whose bytes say which frame they hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.storage.ranged_file import BLOCK_BYTES, expect

SLACK_S = 0.25
"""Margin on both sides of a window: headers and decoders disagree slightly about a track's length."""

PREROLL_S = 0.5
"""What is decoded before a window and dropped: some codecs need a few frames until their output is right."""

_SPARE = 1.05
_MAX_PROBES = 4

MarkAt = Callable[[int], "Mark | None"]
"""The first mark in the block that contains a byte."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A byte of the file, and the frame (sample per channel) at which decoding from there begins."""

    byte: int
    frame: int


def expect_frames(source: BinaryIO, low: Mark, high: Mark, start: int, end: int) -> None:
    """Announce to `source` the bytes that probably hold the frames `start` to `end`, so that one request gets them."""
    bytes_per_frame = (high.byte - low.byte) / max(1, high.frame - low.frame)
    first, last = (round(bytes_per_frame * (frame - low.frame)) for frame in (start, end))
    expect(source, low.byte + max(0, first) - BLOCK_BYTES, min(high.byte, low.byte + last + 2 * BLOCK_BYTES))


def find_mark(mark_at: MarkAt, low: Mark, high: Mark, frame: int, tolerance: int) -> Mark:
    """The last mark found at or before `frame`: at most `tolerance` frames from it, or as near as four probes get.

    Each probe is where the marks found so far suggest that the frame is.
    """
    for _ in range(_MAX_PROBES):
        if frame - low.frame <= tolerance or high.frame <= low.frame:
            break
        aim = max(low.frame, frame - tolerance // 2)
        found = mark_at(low.byte + (high.byte - low.byte) * (aim - low.frame) // (high.frame - low.frame))
        if found is None or not low.byte < found.byte < high.byte or not low.frame <= found.frame <= high.frame:
            break
        low, high = (found, high) if found.frame <= frame else (low, found)
    return low


def find_end(source: BinaryIO, mark_at: MarkAt, low: Mark, high: Mark, frame: int) -> int:
    """The byte up to which to read from `low` in order to reach `frame`. Announces the range to `source`.

    The estimate by the mean bit rate is probed, and extended if the music there takes more bytes.
    """
    rate, reached, end = (high.byte - low.byte) / max(1, high.frame - low.frame), low, high.byte
    for _ in range(_MAX_PROBES):
        end = min(high.byte, reached.byte + round(_SPARE * rate * (frame - reached.frame)) + 2 * BLOCK_BYTES)
        expect(source, low.byte, end)
        found = mark_at(end - BLOCK_BYTES)
        if end == high.byte or found is None or found.frame >= frame or found.frame <= low.frame:
            break
        rate, reached = (found.byte - low.byte) / (found.frame - low.frame), found
    return end
