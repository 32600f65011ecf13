"""Where in a file the bytes of a window are, and how they are read without those in between."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from genre_batch.decode.ranged_file import BLOCK_BYTES, expect
from genre_batch.decode.spliced_file import Part

SLACK_S = 0.25
"""How much more than the window is looked for at both ends: headers and decoders differ over a track's length."""

_SPARE = 1.05
_MOST_LOOKS = 4

MarkAt = Callable[[int], "Mark | None"]
"""The first mark in the block that a byte lies in."""


class Span(Protocol):
    """The window of a track of that length."""

    def __call__(self, duration_s: float) -> tuple[float, float]:
        """Its start and end in seconds; the end may lie behind the track's."""


@dataclass(frozen=True, slots=True)
class Splice:
    """A file of fewer bytes that decodes to the same window.

    omitted: samples per channel that are missing before the window, in files that are decoded from their start.
    start, end: the frames of the track that it gives; `end` is None where it goes up to the last.
    """

    pieces: tuple[Part | bytes, ...]
    omitted: int
    start: int
    end: int | None = None

    def covers(self, start: int, count: int) -> bool:
        """Whether the `count` frames from `start` on are in it."""
        return start >= self.start and (self.end is None or start + count <= self.end)


@dataclass(frozen=True, slots=True)
class Place:
    """The part of the file that the window needs (other than its head and tail), and the splice if there is one."""

    part: Part
    splice: Splice | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The frame (sample per channel) that a byte of the file is known to stand for."""

    byte: int
    frame: int


def search(mark_at: MarkAt, low: Mark, high: Mark, frame: int, close: int) -> Mark:
    """The last mark found at or before `frame`: at most `close` frames from it, or as near as four looks get.

    Each look is where the marks so far say that the frame should be.
    """
    for _ in range(_MOST_LOOKS):
        if frame - low.frame <= close or high.frame <= low.frame:
            break
        aim = max(low.frame, frame - close // 2)
        found = mark_at(low.byte + (high.byte - low.byte) * (aim - low.frame) // (high.frame - low.frame))
        if found is None or not low.byte < found.byte < high.byte or not low.frame <= found.frame <= high.frame:
            break
        low, high = (found, high) if found.frame <= frame else (low, found)
    return low


def cover(source: BinaryIO, mark_at: MarkAt, low: Mark, high: Mark, frame: int) -> int:
    """The byte up to which to read from `low` on, so that `frame` is reached. All of it is announced to `source`.

    What the mean bit rate promises is looked at, and extended where the music there takes more.
    """
    rate, reached, end = (high.byte - low.byte) / max(1, high.frame - low.frame), low, high.byte
    for _ in range(_MOST_LOOKS):
        end = min(high.byte, reached.byte + round(_SPARE * rate * (frame - reached.frame)) + 2 * BLOCK_BYTES)
        expect(source, low.byte, end)
        found = mark_at(end - BLOCK_BYTES)
        if end == high.byte or found is None or found.frame >= frame or found.frame <= low.frame:
            break
        rate, reached = (found.byte - low.byte) / (found.frame - low.frame), found
    return end
