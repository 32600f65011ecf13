"""Where the window of an Ogg file is: its pages say which samples they hold, so they are looked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.ogg_pages import LARGEST_HEADER, TAIL_BYTES, Page, pages
from genre_batch.decode.place import SLACK_S, Mark, Place, Span, Splice, cover, search
from genre_batch.decode.ranged_file import BLOCK_BYTES
from genre_batch.decode.spliced_file import Part

_PREROLL_S = 0.5
_CLOSE_S = 3.0
_MOST_HEADER_PAGES = 512


@dataclass(frozen=True, slots=True)
class _Stream:
    """The one logical stream of a file. `first`: its first page with samples, `last`: its last one."""

    sample_rate: int
    first: Page
    last: Page


def place_ogg(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of an Ogg file with one Vorbis or Opus stream; None for others.

    The splice has the headers with the first page, the pages of the window, and the last page, which tells the length.
    """
    stream = _stream(source, size_bytes)
    if stream is None:
        return None
    rate = stream.sample_rate
    start_s, end_s = span(stream.last.granule / rate)
    start, end = round((start_s - _PREROLL_S - SLACK_S) * rate), round((end_s + SLACK_S) * rate)
    marks = _Pages(source, stream.first.serial)
    first, last = Mark(stream.first.end, 0), Mark(stream.last.start, stream.last.granule)
    low = search(marks.mark_at, first, last, start, round(_CLOSE_S * rate))
    reached = marks.last_before(cover(source, marks.mark_at, low, last, end))
    if reached is None or reached.end <= low.byte:
        return None
    part = Part(low.byte, reached.end)
    tail = Part(max(reached.end, stream.last.start), size_bytes)
    known_end = reached.granule if reached.end < tail.start else None
    splice = Splice((Part(0, stream.first.end), part, tail), 0, low.frame, known_end)
    return Place(part, splice)


class _Pages:
    """Finds the pages of one stream on which a packet ends."""

    def __init__(self, source: BinaryIO, serial: int) -> None:
        self._source = source
        self._serial = serial

    def mark_at(self, byte: int) -> Mark | None:
        """The first page that begins in the block that `byte` lies in."""
        found = next(self._within(byte // BLOCK_BYTES * BLOCK_BYTES, BLOCK_BYTES), None)
        return Mark(found.start, found.granule) if found else None

    def last_before(self, byte: int) -> Page | None:
        """The last page that ends at `byte` or before, not far from it."""
        start = max(0, byte - 3 * BLOCK_BYTES)
        return max(
            (page for page in self._within(start, byte - start) if page.end <= byte),
            key=lambda page: page.end,
            default=None,
        )

    def _within(self, start: int, length: int) -> Iterator[Page]:
        found = pages(read_at(self._source, start, length), start)
        return (page for page in found if page.serial == self._serial and page.granule >= 0)


def _stream(source: BinaryIO, size_bytes: int) -> _Stream | None:
    sample_rate, first = _sample_rate(read_at(source, 28, 30)), _first_audio_page(source)
    if sample_rate is None or first is None:
        return None
    start = max(first.end, size_bytes - TAIL_BYTES)
    ending = list(pages(read_at(source, start, size_bytes - start), start))
    last = next((page for page in reversed(ending) if page.granule >= 0), None)
    if last is None or any(page.serial != first.serial for page in ending) or last.granule <= first.granule:
        return None
    return _Stream(sample_rate, first, last)


def _sample_rate(packet: bytes) -> int | None:
    """Granules a second by the first packet of a Vorbis or Opus stream; None for others."""
    if packet[:7] == b"\x01vorbis":
        return int.from_bytes(packet[12:16], "little") or None
    return 48_000 if packet[:8] == b"OpusHead" else None


def _first_audio_page(source: BinaryIO) -> Page | None:
    """The second page with samples, so that decoders find a few packets, if all pages up to it are of one stream."""
    at, serials, with_samples = 0, set(), 0
    for _ in range(_MOST_HEADER_PAGES):
        page = next(pages(read_at(source, at, LARGEST_HEADER), at), None)
        if page is None or page.start != at:
            return None
        serials.add(page.serial)
        with_samples += page.granule > 0
        if with_samples == 2 or len(serials) > 1:
            return page if len(serials) == 1 else None
        at = page.end
    return None
