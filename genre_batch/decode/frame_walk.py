"""Finds the frames of streams that are nothing but frames, one after another, each with its length in its header."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Decoder, Joined, Link
from genre_batch.decode.rejected import rejected
from genre_batch.storage.ranged_file import read_at, report_progress
from genre_batch.storage.spliced_file import ByteRange

_BLOCK_BYTES = 1 << 20
_LOOK_AHEAD_BYTES = 64 * 1024
_CONFIRMATIONS = 2
_MAX_RUNS = 4096
_MAX_FALSE_STARTS = 200_000

ParseFrame = Callable[[bytes, int], "CodedFrame | None"]
"""`(data, at)` to the frame whose header is at `at`; None if there is none, or if the header does not end in `data`."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """One frame: its length with the header, and its samples per channel at `sample_rate`."""

    frame_bytes: int
    samples: int
    sample_rate: int


def follows(parse: ParseFrame, data: bytes, at: int, confirmations: int) -> bool:
    """Whether a frame at `at` is followed by `confirmations` more, or by fewer up to exactly the end of `data`."""
    for _ in range(confirmations + 1):
        frame = parse(data, at)
        if frame is None:
            return False
        at += frame.frame_bytes
        if at == len(data):
            break
    return True


def find_frames(data: bytes, parse: ParseFrame, sync: bytes, confirmations: int, search_bytes: int) -> int | None:
    """The offset of the first frame that is followed by `confirmations` more; None if there is none."""
    at = data.find(sync, 0, search_bytes)
    while at >= 0:
        if follows(parse, data, at, confirmations):
            return at
        at = data.find(sync, at + 1, search_bytes)
    return None


def check_frames(
    source: BinaryIO, size_bytes: int, parse: ParseFrame, sync: bytes, decoders: tuple[Decoder, ...]
) -> Checked:
    """The length of the whole frames of a file. Decoders do not get to see what lies between and after them.

    Frames of another sample rate are decoded on their own.

    Reads the whole file. Raises TrackRejected: `corrupt` if there are no frames, or thousands of interruptions.
    """
    walk = _Walk(source, size_bytes, parse, sync)
    while walk.step():
        pass
    found = [stretch for stretch in walk.stretches if stretch.samples]
    if not found or walk.gave_up:
        raise rejected(RejectReason.CORRUPT, f"{walk.runs} runs of frames, and other bytes between them")
    if len(found) == 1 and found[0].runs == [ByteRange(0, size_bytes)]:
        return Checked(found[0].samples, rate=found[0].sample_rate)
    links = tuple(Link(tuple(each.runs), decoders, each.samples, each.sample_rate) for each in found)
    return Checked(decoders=(Joined(links),))


@dataclass(slots=True)
class _Stretch:
    """Frames of one sample rate. samples: per channel. runs: where they are, without anything between them."""

    sample_rate: int
    samples: int = 0
    runs: list[ByteRange] = field(default_factory=list)


class _Walk:
    """From frame to frame. stretches: what was found so far. runs: how many times something lay between frames."""

    def __init__(self, source: BinaryIO, size_bytes: int, parse: ParseFrame, sync: bytes) -> None:
        self._source = source
        self._size_bytes = size_bytes
        self._parse = parse
        self._sync = sync
        self._block, self._data = 0, b""
        self._at = 0
        self._false_starts = 0
        self.runs = 0
        self.stretches: list[_Stretch] = []

    @property
    def gave_up(self) -> bool:
        """Whether too much is not a frame."""
        return self.runs > _MAX_RUNS or self._false_starts > _MAX_FALSE_STARTS

    def step(self) -> bool:
        """Take the next frame, or skip to where one may begin. False at the end."""
        if self._at >= self._size_bytes or self.gave_up:
            return False
        read_up_to = self._block + len(self._data)
        if self._at + _LOOK_AHEAD_BYTES > read_up_to and read_up_to < self._size_bytes:
            self._block, self._data = self._at, read_at(self._source, self._at, _BLOCK_BYTES)
            report_progress(self._source)
        frame = self._parse(self._data, self._at - self._block)
        if frame is None:
            self._skip()
            return True
        end = self._at + frame.frame_bytes
        if end > self._size_bytes:
            return False
        self._add(frame, ByteRange(self._at, end))
        self._at = end
        return True

    def _add(self, frame: CodedFrame, part: ByteRange) -> None:
        if not self.stretches or self.stretches[-1].sample_rate != frame.sample_rate:
            self.stretches.append(_Stretch(frame.sample_rate))
        stretch = self.stretches[-1]
        stretch.samples += frame.samples
        if stretch.runs and stretch.runs[-1].end == part.start:
            stretch.runs[-1] = ByteRange(stretch.runs[-1].start, part.end)
        else:
            self.runs += 1
            stretch.runs.append(part)

    def _skip(self) -> None:
        at = self._data.find(self._sync, self._at - self._block + 1)
        while at >= 0 and not follows(self._parse, self._data, at, _CONFIRMATIONS):
            self._false_starts += 1
            at = self._data.find(self._sync, at + 1)
            if self.gave_up:
                return
        self._at = self._block + at if at >= 0 else max(self._at + 1, self._block + len(self._data) - len(self._sync))
