"""The pages of Ogg files (RFC 3533), and the files that were joined to one."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from genre_batch.storage.ranged_file import read_at, report_progress
from genre_batch.storage.spliced_file import ByteRange

HEADER = struct.Struct("<4sBBqIIIB")
MAX_HEADER_BYTES = HEADER.size + 255
MAX_PAGE_BYTES = MAX_HEADER_BYTES + 255 * 255
TAIL_BYTES = 64 * 1024
"""Contains the last page of nearly all files."""
CAPTURE = b"OggS\x00"

_SCAN_BYTES = 1 << 20
_MAX_SEARCHED_BYTES = 16 << 20
"""Pictures in tags behind the pages are no larger."""
_CONTINUES_PACKET, _BEGINS_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class Page:
    """The bytes `start` to `end`, the packets from `body` on. `granule` is the codec's time at the end of the page.

    It is -1 if no packet ends on the page. number: counts the pages of its stream.
    """

    start: int
    end: int
    granule: int
    serial: int
    body: int
    number: int
    flags: int

    @property
    def begins_stream(self) -> bool:
        """Whether it is the first one of its stream."""
        return bool(self.flags & _BEGINS_STREAM)

    @property
    def begins_packet(self) -> bool:
        """Whether a packet begins at its start."""
        return not self.flags & _CONTINUES_PACKET


def pages(data: bytes, offset: int = 0) -> Iterator[Page]:
    """The pages whose headers are in `data`, which begins at byte `offset` of the file; the last may end after it."""
    at = data.find(CAPTURE)
    while at >= 0 and len(data) >= at + HEADER.size:
        _, _, flags, granule, serial, number, _, segments = HEADER.unpack_from(data, at)
        body = at + HEADER.size + segments
        if len(data) < body:
            return
        end = body + sum(data[body - segments : body])
        yield Page(offset + at, offset + end, granule, serial, offset + body, number, flags)
        at = data.find(CAPTURE, end)


def last_page_end(source: BinaryIO, size_bytes: int) -> int | None:
    """The byte at which the last page ends by its own header, past `size_bytes` if it is cut; None if there is none.

    If the header itself is cut, the page counts as ending just past the file.
    """
    end = size_bytes
    while end > 0 and size_bytes - end < _MAX_SEARCHED_BYTES:
        start = max(0, end - TAIL_BYTES)
        tail = read_at(source, start, end - start + MAX_HEADER_BYTES)
        at = tail.rfind(CAPTURE, 0, end - start + len(CAPTURE) - 1)
        if at >= 0:
            segments = tail[at + 26] if len(tail) > at + 26 else 255
            table = tail[at + 27 : at + 27 + segments]
            return start + at + 27 + segments + sum(table) if len(table) == segments else size_bytes + 1
        end = start
        report_progress(source)
    return None


@dataclass(slots=True)
class OggLink:
    """One of several files that were joined: its bytes, and the highest granule in it.

    first: its first page. bodies: the packets of the stream of that page, page by page, after the first page.
    """

    first: Page
    part: ByteRange
    granule: int = 0
    bodies: list[tuple[ByteRange, bool]] = field(default_factory=list)
    """With each whether a packet begins at its start."""


def scan_links(source: BinaryIO, size_bytes: int) -> list[OggLink]:
    """The files that follow one another. Reads the whole file."""
    links, after_audio = list[OggLink](), True
    for page in _all_pages(source, size_bytes):
        if page.begins_stream and after_audio:
            if links:
                links[-1].part = ByteRange(links[-1].part.start, page.start)
            links.append(OggLink(page, ByteRange(page.start if links else 0, size_bytes)))
        if not links:
            links.append(OggLink(page, ByteRange(0, size_bytes)))
        link = links[-1]
        after_audio = not page.begins_stream and (page.granule > 0 or (after_audio and page is not link.first))
        link.granule = max(link.granule, page.granule)
        if page.serial == link.first.serial and page is not link.first:
            link.bodies.append((ByteRange(page.body, page.end), page.begins_packet))
    return links


def _all_pages(source: BinaryIO, size_bytes: int) -> Iterator[Page]:
    at = 0
    while at < size_bytes:
        last = at
        for page in pages(read_at(source, at, _SCAN_BYTES), at):
            yield page
            last = page.end
        at = last if last > at else at + _SCAN_BYTES - MAX_HEADER_BYTES
        report_progress(source)
