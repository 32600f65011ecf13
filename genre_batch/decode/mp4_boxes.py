"""The boxes of MP4 files (ISO 14496-12), and the edits of their tracks."""

from collections.abc import Iterator
from dataclasses import dataclass

_MAX_CHILDREN = 1000
_MAX_EDITS = 1000
_HEADER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A box whose body is the bytes `start` to `end`."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes in `data`, or in the bytes `start` to `end` of it, one after another."""
    stop = len(data) if end is None else min(end, len(data))
    for _ in range(_MAX_CHILDREN):
        length = int.from_bytes(data[start : start + 4], "big")
        if length < _HEADER_BYTES or start + _HEADER_BYTES > stop:
            return
        yield Box(data[start + 4 : start + 8], start + _HEADER_BYTES, min(start + length, stop))
        start += length


def open_edits(index: bytes) -> list[tuple[int, bytes]]:
    """Where the length of an edit is 0 in the box `moov`, and its length up to the end of its track in that place."""
    (moov, *_) = (*boxes(index), Box(b"", 0, 0))
    timescale, _ = _time(index, _child(index, moov, b"mvhd"))
    found = list[tuple[int, bytes]]()
    for track in boxes(index, moov.start, moov.end):
        own_scale, duration = _time(index, _child(index, _child(index, track, b"mdia"), b"mdhd"))
        if track.kind == b"trak" and own_scale:
            for at, width, length, begin in _edits(index, _child(index, _child(index, track, b"edts"), b"elst")):
                if length == 0 and 0 <= begin < duration:
                    rest = -(-(duration - begin) * timescale // own_scale)
                    found.append((at, min(rest, (1 << 8 * width) - 1).to_bytes(width, "big")))
    return found


def _child(data: bytes, box: Box, kind: bytes) -> Box:
    """The first child of that kind; an empty box if there is none."""
    return next((child for child in boxes(data, box.start, box.end) if child.kind == kind), Box(kind, 0, 0))


def _time(data: bytes, header: Box) -> tuple[int, int]:
    """The units per second and the duration in them, by `mvhd` or `mdhd`; 0 if it is cut."""
    body = data[header.start : header.end]
    at, width = (20, 8) if body[:1] == b"\1" else (12, 4)
    return int.from_bytes(body[at : at + 4], "big"), int.from_bytes(body[at + 4 : at + 4 + width], "big")


def _edits(data: bytes, table: Box) -> Iterator[tuple[int, int, int, int]]:
    """Of each edit, where its length is and how many bytes that takes, the length, and where in the track it begins.

    The last one is -1 for an edit without sound.
    """
    width = 8 if data[table.start : table.start + 1] == b"\1" else 4
    count = int.from_bytes(data[table.start + 4 : table.start + 8], "big")
    for number in range(min(count, _MAX_EDITS)):
        at = table.start + 8 + number * (2 * width + 4)
        if at + 2 * width > table.end:
            return
        length, begin = data[at : at + width], data[at + width : at + 2 * width]
        yield at, width, int.from_bytes(length, "big"), int.from_bytes(begin, "big", signed=True)
