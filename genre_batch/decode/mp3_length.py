"""How long an MPEG audio stream is, when its first frame does not say so."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.mpeg_audio import FrameHeader, VbrTag, find_frame, parse_header, parse_vbr_tag

PROBE_BYTES = 32 * 1024
_SCAN_BYTES = 1024 * 1024
_MOST_SCANNED_BYTES = 64 * 1024 * 1024
_SEARCH_BYTES = 4096
_MOST_FALSE_STARTS = 1 << 18
"""256 KiB and more of what was made to look like frames, 64 MiB of pictures and other noise; half a second of CPU."""


@dataclass(frozen=True, slots=True)
class Mp3Length:
    """What is known of a stream. `frames`: samples per channel, counted or computed; None if the tag declares them."""

    tag: VbrTag | None
    frames: int | None
    constant_bitrate: bool


def measure_mp3(source: BinaryIO, size_bytes: int) -> Mp3Length | None:
    """The length of a stream whose first frame is at byte 0; None if there is no frame.

    Streams without a Xing, Info or VBRI tag whose frames have one bit rate at the start, in the middle and at
    the end are taken for constant. For others every frame header is read, which takes the whole file; above 64 MiB
    the mean bit rate of those three places must do (a window does not reach the end of such a long track anyway).
    """
    head = read_at(source, 0, PROBE_BYTES)
    first = parse_header(head)
    if first is None:
        return None
    tag = parse_vbr_tag(head, 0, first)
    if tag is not None and tag.frames:
        return Mp3Length(tag, None, constant_bitrate=False)
    rates = probe_rates(source, size_bytes, head, first)
    constant = len(set(rates)) == 1
    if constant or size_bytes > _MOST_SCANNED_BYTES:
        bytes_per_s = 125 * sum(rates) / len(rates)
        return Mp3Length(tag, round(size_bytes / bytes_per_s * first.sample_rate), constant)
    return Mp3Length(tag, _count_samples(source, size_bytes, first), constant_bitrate=False)


def probe_rates(source: BinaryIO, size_bytes: int, head: bytes, first: FrameHeader) -> list[int]:
    """Bit rates in kbit/s of the frames at the start (in `head`), in the middle and at the end of the stream."""
    places = (size_bytes // 2, max(0, size_bytes - PROBE_BYTES))
    probes = (head, *(read_at(source, at, PROBE_BYTES) for at in places))
    return [first.bitrate_kbps, *(rate for probe in probes for rate in _rates_in(probe, first))]


@lru_cache(maxsize=6)  # a file's length is measured before its window is placed, and both look at the same three
def _rates_in(probe: bytes, first: FrameHeader) -> tuple[int, ...]:
    """The bit rates in `probe` from its first confirmed frame on, as long as they continue the stream of `first`."""
    return tuple(header.bitrate_kbps for header in _headers(probe, first))


def _headers(probe: bytes, first: FrameHeader) -> Iterator[FrameHeader]:
    at = find_frame(probe)
    header = parse_header(probe, at) if at is not None else None
    while at is not None and header is not None and header.continues(first):
        yield header
        at += header.frame_bytes
        header = parse_header(probe, at)


def _count_samples(source: BinaryIO, size_bytes: int, first: FrameHeader) -> int:
    """Samples per channel in all frames, header by header; damaged stretches are skipped.

    What comes after too many bytes that could begin a frame, and do not, is taken for no music.
    """
    samples, start, data, at, false_starts = 0, 0, b"", 0, 0
    while start + at < size_bytes and false_starts < _MOST_FALSE_STARTS:
        if at + 4 > len(data):
            start, at = start + at, 0
            data = read_at(source, start, _SCAN_BYTES)
            if len(data) < 4:
                break
        header = parse_header(data, at)
        if header is not None and header.continues(first):
            samples += header.samples
            at += header.frame_bytes
        else:
            found = find_frame(data[at + 1 : at + 1 + 2 * _SEARCH_BYTES], search_bytes=_SEARCH_BYTES)
            skipped = _SEARCH_BYTES if found is None else found + 1
            false_starts += data.count(0xFF, at, at + skipped)
            at += skipped
    return samples
