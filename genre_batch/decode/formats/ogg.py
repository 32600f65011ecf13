"""Vorbis, Opus and FLAC in Ogg (RFC 3533)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import (
    Checked,
    Format,
    Joined,
    Libav,
    Link,
    Location,
    Spans,
    Splice,
    at_start,
)
from genre_batch.decode.formats.flac import DECODERS as FLAC_DECODERS
from genre_batch.decode.formats.flac import ONLY_STREAM_INFO, STREAM_INFO_BYTES
from genre_batch.decode.formats.flac import check_whole as check_flac
from genre_batch.decode.ogg_chain import may_be_chained
from genre_batch.decode.ogg_pages import (
    HEADER,
    MAX_HEADER_BYTES,
    TAIL_BYTES,
    OggLink,
    Page,
    last_page_end,
    pages,
    scan_links,
)
from genre_batch.decode.rejected import rejected
from genre_batch.decode.search import PREROLL_S, SLACK_S, Mark, expect_frames, find_end, find_mark
from genre_batch.storage.ranged_file import BLOCK_BYTES, read_at
from genre_batch.storage.spliced_file import ByteRange, splice

_SMALL_BYTES = 1 << 20
_MIN_LINKS = 2
_OPUS_RATE = 48_000
_TOLERANCE_S = 3.0
_MAX_HEADER_PAGES = 512
_VORBIS, _OPUS, _FLAC = b"\x01vorbis", b"OpusHead", b"\x7fFLAC"
"""The beginnings of the first packet of a stream, by codec."""
_FLAC_INFO_AT = 17
"""Where the stream info is in the first packet of FLAC."""
_FLAC_SYNC = b"\xff"


def content_end(source: BinaryIO, size_bytes: int) -> int:
    """The end of the last page, after which tags, and zeros of copying programs, may follow.

    If that page is cut, or has nothing behind it, the file is left as it is.
    """
    end = last_page_end(source, size_bytes)
    return end if end is not None and end < size_bytes else size_bytes


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """The last page must be whole. A file of several streams, one after another, is decoded stream by stream."""
    end = last_page_end(source, size_bytes)
    if end is not None and end > size_bytes:
        raise rejected(RejectReason.TRUNCATED, "the last Ogg page is cut")
    if size_bytes > _SMALL_BYTES and not _begins_with(source, 0, _FLAC) and not may_be_chained(source, size_bytes):
        return Checked()
    found = scan_links(source, size_bytes)
    links = tuple(_link(source, link) for link in found)
    is_plain = len(links) < _MIN_LINKS and not any(_begins_with(source, link.part.start, _FLAC) for link in found)
    return Checked() if is_plain else Checked(decoders=(Joined(links),))


def _begins_with(source: BinaryIO, start: int, magic: bytes) -> bool:
    return read_at(source, start, HEADER.size + 1 + len(magic)).startswith(magic, HEADER.size + 1)


def _link(source: BinaryIO, link: OggLink) -> Link:
    if _begins_with(source, link.part.start, _FLAC):
        return _flac_link(source, link) or Link((link.part,), (_LIBAV,))
    return Link((link.part,), (_LIBAV,), _opus_frames(source, link))


def _flac_link(source: BinaryIO, link: OggLink) -> Link | None:
    """The same frames as a FLAC file, since libav misplaces some of them; None without stream info or frames."""
    info = read_at(source, link.first.body + _FLAC_INFO_AT, STREAM_INFO_BYTES)
    audio = list[ByteRange]()
    for body, begins_packet in link.bodies:
        if audio or (begins_packet and read_at(source, body.start, 1) == _FLAC_SYNC):
            audio.append(body)
    if len(info) < STREAM_INFO_BYTES or not audio:
        return None
    pieces: tuple[ByteRange | bytes, ...] = (ONLY_STREAM_INFO + info, *audio)
    checked = check_flac(splice(source, pieces), sum(map(len, pieces)))
    return Link(pieces, checked.decoders or FLAC_DECODERS, checked.frames)


def _opus_frames(source: BinaryIO, link: OggLink) -> int | None:
    """The length of a link of Opus that begins at 0, of which libav drops the first samples; None for others."""
    head = read_at(source, link.part.start, HEADER.size + 1 + 12)
    if not head.startswith(_OPUS, HEADER.size + 1):
        return None
    early = (page.granule for page in pages(read_at(source, link.part.start, TAIL_BYTES)) if page.granule > 0)
    skipped = int.from_bytes(head[-2:], "little")
    return link.granule - skipped if next(early, _OPUS_RATE + 1) <= _OPUS_RATE + skipped else None


@dataclass(frozen=True, slots=True)
class _Stream:
    """The only logical stream of a file, with its second page with samples and its last one."""

    sample_rate: int
    first: Page
    last: Page


def locate(source: BinaryIO, size_bytes: int, spans: Spans) -> list[Location] | None:
    """By the granules of the pages; None unless the file has one stream, of Vorbis or Opus.

    The splice has the headers with the first pages, the pages of the window, and the last page, which has the length.
    """
    stream = _only_stream(source, size_bytes)
    if stream is None:
        return None
    rate = stream.sample_rate
    wanted = spans(stream.last.granule / rate)
    first, locations = Mark(stream.first.end, 0), []
    for span in wanted:
        start, end = round((span.start_s - PREROLL_S - SLACK_S) * rate), round((span.end_s + SLACK_S) * rate)
        if len(wanted) > 1:
            last = Mark(stream.last.start, stream.last.granule)
            expect_frames(source, first, last, start - round(_TOLERANCE_S * rate), end)
        found = _locate_one(source, size_bytes, stream, first, (start, end))
        if found is None:
            return None
        first, location = found
        locations.append(location)
    return locations


def _locate_one(
    source: BinaryIO, size_bytes: int, stream: _Stream, first: Mark, wanted: tuple[int, int]
) -> tuple[Mark, Location] | None:
    """Where the granules `wanted` are after the mark `first`, and a mark before them; None if that cannot be found."""
    (start, end), rate = wanted, stream.sample_rate
    marks = _Pages(source, stream.first.serial)
    last = Mark(stream.last.start, stream.last.granule)
    low = find_mark(marks.mark_at, first, last, start, round(_TOLERANCE_S * rate))
    reached = marks.last_before(find_end(source, marks.mark_at, low, last, end))
    if reached is None or reached.end <= low.byte:
        return None
    part = ByteRange(low.byte, reached.end)
    tail = ByteRange(max(reached.end, stream.last.start), size_bytes)
    known_end = reached.granule if reached.end < tail.start else None
    pieces = (ByteRange(0, stream.first.end), part, tail)
    splice = Splice(pieces, 0, low.frame, known_end, decoders=(_LIBAV_FROM_ZERO,))
    return low, Location(part, splice)


class _Pages:
    """Finds the pages of one stream on which a packet ends."""

    def __init__(self, source: BinaryIO, serial: int) -> None:
        self._source = source
        self._serial = serial

    def mark_at(self, byte: int) -> Mark | None:
        """The first page that begins in the block that contains `byte`."""
        found = next(self._within(byte // BLOCK_BYTES * BLOCK_BYTES, BLOCK_BYTES), None)
        return Mark(found.start, found.granule) if found else None

    def last_before(self, byte: int) -> Page | None:
        """The last page that ends at or before `byte`, and near it."""
        start = max(0, byte - 3 * BLOCK_BYTES)
        return max(
            (page for page in self._within(start, byte - start) if page.end <= byte),
            key=lambda page: page.end,
            default=None,
        )

    def _within(self, start: int, length: int) -> Iterator[Page]:
        found = pages(read_at(self._source, start, length), start)
        return (page for page in found if page.serial == self._serial and page.granule >= 0)


def _only_stream(source: BinaryIO, size_bytes: int) -> _Stream | None:
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
    """Granules per second by the first packet of a Vorbis or Opus stream; None for others."""
    if packet.startswith(_VORBIS):
        return int.from_bytes(packet[12:16], "little") or None
    return _OPUS_RATE if packet.startswith(_OPUS) else None


def _first_audio_page(source: BinaryIO) -> Page | None:
    """The second page with samples, so that decoders find a few packets; None if there are several streams."""
    at, serials, with_samples = 0, set(), 0
    for _ in range(_MAX_HEADER_PAGES):
        page = next(pages(read_at(source, at, MAX_HEADER_BYTES), at), None)
        if page is None or page.start != at:
            return None
        serials.add(page.serial)
        with_samples += page.granule > 0
        if with_samples == 2 or len(serials) > 1:
            return page if len(serials) == 1 else None
        at = page.end
    return None


def _first_codec_is(magic: bytes) -> Callable[[bytes], int | None]:
    """Whether `magic` begins the first audio stream in the head of a file, which a video may precede."""

    def sniff(head: bytes) -> int | None:
        if head[:4] != b"OggS":
            return None
        for page in re.finditer(rb"OggS\x00[\x02\x06]", head):
            packet = page.start() + 27 + (head[page.start() + 26] if len(head) > page.start() + 26 else 0)
            if head.startswith((_VORBIS, _OPUS, _FLAC), packet):
                return at_start(head.startswith(magic, packet))
        return None

    return sniff


_LIBAV = Libav("ogg", frozenset({"vorbis", "opus", "libopus", "flac"}))
_LIBAV_FROM_ZERO = Libav("ogg", _LIBAV.codecs, from_zero=True)
_format = partial(Format, decoders=(_LIBAV,), check_whole=check_whole, content_end=content_end)
FORMATS = (
    _format("ogg_vorbis", sniff=_first_codec_is(_VORBIS), locate=locate, places_take_reads=True),
    _format("ogg_opus", sniff=_first_codec_is(_OPUS), locate=locate, places_take_reads=True),
    _format("ogg_flac", sniff=_first_codec_is(_FLAC)),
)
