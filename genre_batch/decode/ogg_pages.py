"""The pages of an Ogg file (RFC 3533)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.decode.byte_source import read_at

_HEADER = struct.Struct("<4sBBqII4xB")
LARGEST_HEADER = _HEADER.size + 255
_LARGEST_PAGE = LARGEST_HEADER + 255 * 255
TAIL_BYTES = 64 * 1024
"""Enough to find the last page of nearly all files."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the bytes `start` to `end`; `granule` is the codec's time at its end, -1 if no packet ends on it."""

    start: int
    end: int
    granule: int
    serial: int


def pages(data: bytes, offset: int = 0) -> Iterator[Page]:
    """The pages whose headers are in `data`, which begins at byte `offset` of the file; the last may end behind it."""
    at = data.find(b"OggS\x00")
    while at >= 0 and len(data) >= at + _HEADER.size:
        _, _, _, granule, serial, _, segments = _HEADER.unpack_from(data, at)
        table = data[at + _HEADER.size : at + _HEADER.size + segments]
        if len(table) < segments:
            return
        end = at + _HEADER.size + segments + sum(table)
        yield Page(offset + at, offset + end, granule, serial)
        at = data.find(b"OggS\x00", end)


def last_page_end(source: BinaryIO, size_bytes: int) -> int | None:
    """The byte at which the last page ends by its own header (past `size_bytes` if it was cut); None if none is found.

    Raises nothing: a page header that is itself cut counts as a page that ends just past the file.
    """
    for length in (TAIL_BYTES, 2 * _LARGEST_PAGE):
        start = max(0, size_bytes - length)
        tail = read_at(source, start, size_bytes - start)
        at = tail.rfind(b"OggS\x00")
        if at >= 0:
            break
    else:
        return None
    segments = tail[at + 26] if len(tail) > at + 26 else 255
    table = tail[at + 27 : at + 27 + segments]
    if len(table) < segments:
        return size_bytes + 1
    return start + at + 27 + segments + sum(table)
