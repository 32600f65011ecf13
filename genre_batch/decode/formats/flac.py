"""FLAC (RFC 9639)."""

from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import (
    Checked,
    DrFlac,
    Format,
    Joined,
    Libav,
    Libsndfile,
    Link,
    Location,
    Spans,
    Splice,
    at_start,
)
from genre_batch.decode.flac_frames import HEADER_BYTES, frame_span
from genre_batch.decode.joined_files import check_parts, parts_by_magic
from genre_batch.decode.rejected import rejected
from genre_batch.decode.search import SLACK_S, Mark, expect_frames, find_end, find_mark
from genre_batch.storage.ranged_file import BLOCK_BYTES, read_at
from genre_batch.storage.spliced_file import ByteRange

STREAM_INFO_BYTES = 34
_CUT_DECODERS = (Libav("flac", frozenset({"flac"})),)
DECODERS = (Libsndfile(), *_CUT_DECODERS)

_MAX_METADATA_BLOCKS = 128
_MAX_CANDIDATES = 10_000
_MAX_TAIL_BYTES = 1024 * 1024
_TOLERANCE_S = 3.0
_MAX_SPLICE_BYTES = 16 * 1024 * 1024
_TOTAL_BITS = 36
_MAX_DR_FLAC_CHANNELS = 2
_MAX_DR_FLAC_BITS = 24
_SMALL_BYTES = 1 << 20
_LIKELY_FULL = 0.9
"""The mean frame is usually at most this fraction of the longest."""
_LIKELY_OFF = 0.35
"""The frame at the middle byte usually lies within this fraction of all samples from the middle one."""
_BEGINNINGS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
ONLY_STREAM_INFO = b"fLaC\x80\x00\x00\x22"
"""The bytes before the stream info of a file without further metadata."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The STREAMINFO block. `total_samples` per channel, 0 if unknown.

    block: its 34 bytes. audio_offset: the byte at which the first audio frame begins.
    """

    block: bytes
    sample_rate: int
    channels: int
    sample_bits: int
    total_samples: int
    max_block_samples: int
    max_frame_bytes: int
    audio_offset: int


def read_stream_info(source: BinaryIO) -> StreamInfo | None:
    """The stream info of a FLAC file that begins at byte 0; None if its metadata blocks make no sense."""
    info, at = b"", 4
    for _ in range(_MAX_METADATA_BLOCKS):
        head = read_at(source, at, 4)
        if len(head) < 4:
            return None
        length = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == 0 and not info:
            info = read_at(source, at + 4, STREAM_INFO_BYTES)
        at += 4 + length
        if head[0] & 0x80:
            break
    return _parse_stream_info(info, at) if len(info) == STREAM_INFO_BYTES else None


def last_sample(source: BinaryIO, size_bytes: int, info: StreamInfo) -> int | None:
    """Samples per channel up to the end of the last frame whose header is in the file.

    None if the tail has no frame header that matches the first one.
    """
    first = read_at(source, info.audio_offset, HEADER_BYTES)
    length = min(max(65_536, 2 * info.max_frame_bytes), _MAX_TAIL_BYTES, max(0, size_bytes - info.audio_offset))
    tail = read_at(source, size_bytes - length, length)
    at = tail.rfind(first[:2])
    for _ in range(_MAX_CANDIDATES):
        if at < 0 or frame_span(first, first) is None:
            break
        span = frame_span(tail[at : at + HEADER_BYTES].ljust(HEADER_BYTES, b"\0"), first)
        if span is not None:
            return span[1]
        at = tail.rfind(first[:2], 0, at)
    return None


def first_sample(source: BinaryIO, info: StreamInfo) -> int:
    """The sample at which the first frame begins; 0 if its header makes no sense."""
    first = read_at(source, info.audio_offset, HEADER_BYTES)
    span = frame_span(first, first)
    return span[0] if span is not None else 0


def _parse_stream_info(info: bytes, audio_offset: int) -> StreamInfo:
    packed = int.from_bytes(info[10:18], "big")
    return StreamInfo(
        block=info,
        sample_rate=packed >> 44,
        channels=(packed >> 41 & 0x7) + 1,
        sample_bits=(packed >> 36 & 0x1F) + 1,
        total_samples=packed & (1 << _TOTAL_BITS) - 1,
        max_block_samples=int.from_bytes(info[2:4], "big"),
        max_frame_bytes=int.from_bytes(info[7:10], "big"),
        audio_offset=audio_offset,
    )


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the last frame with the stream info. Each of several joined files is decoded on its own."""
    parts = parts_by_magic(source, size_bytes, _BEGINNINGS) if _may_be_joined(source, size_bytes) else []
    if len(parts) > 1:
        return check_parts(source, parts, _check_one, DECODERS)
    return _check_one(source, size_bytes)


def _may_be_joined(source: BinaryIO, size_bytes: int) -> bool:
    """Whether to look for more files, by what is read anyway if possible.

    A file is several if its last frame is not the one that the header declares, or if its frames would be longer than
    the longest one. If they nearly are, the middle decides: no half of the bytes has fewer frames than if all of these
    were the longest.
    """
    info = read_stream_info(source)
    if info is None or not info.total_samples or size_bytes <= _SMALL_BYTES:
        return info is not None
    reached = last_sample(source, size_bytes, info)
    if reached is None or abs(reached - info.total_samples) > info.max_block_samples:
        return True
    full = _fullness(info, size_bytes - info.audio_offset)
    if full is not None and (full > 1 or (full <= _LIKELY_FULL and reached == info.total_samples)):
        return full > 1
    most_off = _LIKELY_OFF if full is None else (1 - full) / 2 + 0.01
    middle = _Frames(source, info).mark_at((info.audio_offset + size_bytes) // 2)
    return middle is None or abs(middle.frame / info.total_samples - 0.5) > most_off


def _fullness(info: StreamInfo, audio_bytes: int) -> float | None:
    """The mean length of the frames as a fraction of the longest one.

    None if the header leaves that one out, or if frames vary in their number of samples, so that it is unknown how many
    there are.
    """
    is_fixed = info.block[:2] == info.block[2:4]
    if not (is_fixed and info.max_frame_bytes and info.max_block_samples):
        return None
    return audio_bytes / (info.total_samples / info.max_block_samples) / info.max_frame_bytes


def _check_one(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the sample at which the last frame ends with the stream info.

    If frames follow the declared end, decoders get to see the length up to the last one. The first frame of a
    recording of a stream may have a later sample than 0. Only libav decodes it as the first one.
    """
    info = read_stream_info(source)
    if info is None:
        raise rejected(RejectReason.CORRUPT, "the FLAC file has no stream info or endless metadata")
    reached = last_sample(source, size_bytes, info)
    begin = first_sample(source, info)
    if info.total_samples == 0 and reached is None:
        raise rejected(
            RejectReason.CORRUPT, "neither the header nor the last frame of the FLAC file says how long it is"
        )
    if info.total_samples == 0 and reached is not None and not begin:
        return Checked(frames=reached)
    missing = info.total_samples - reached if info.total_samples and reached is not None else 0
    if missing > max(4096, info.total_samples // 1000):
        text = f"the header declares {info.total_samples} samples, the last frame ends at {reached}"
        raise rejected(RejectReason.TRUNCATED, text)
    if begin:
        return Checked(frames=(reached or info.total_samples) - begin, decoders=_CUT_DECODERS)
    if reached is not None and reached > info.total_samples + info.max_block_samples:
        pieces = (ONLY_STREAM_INFO + _with_total(info.block, reached), ByteRange(info.audio_offset, size_bytes))
        return Checked(decoders=(Joined((Link(pieces, DECODERS, reached),)),))
    return Checked(frames=info.total_samples)


def _with_total(block: bytes, samples: int) -> bytes:
    """The stream info `block` with another length of the track."""
    packed = int.from_bytes(block[10:18], "big") >> _TOTAL_BITS << _TOTAL_BITS | samples
    return block[:10] + packed.to_bytes(8, "big") + block[18:]


def locate(source: BinaryIO, size_bytes: int, spans: Spans) -> list[Location] | None:
    """By the frame headers, which say which samples they hold."""
    info = read_stream_info(source)
    if info is None or not info.total_samples or not info.sample_rate or first_sample(source, info):
        return None
    frames, first, last = _Frames(source, info), Mark(info.audio_offset, 0), Mark(size_bytes, info.total_samples)
    wanted, tolerance = spans(info.total_samples / info.sample_rate), round(_TOLERANCE_S * info.sample_rate)
    locations = []
    for span in wanted:
        start, end = (round(second * info.sample_rate) for second in (span.start_s - SLACK_S, span.end_s + SLACK_S))
        if len(wanted) > 1:
            expect_frames(source, first, last, start - tolerance, end)
        low = find_mark(frames.mark_at, first, last, start, tolerance)
        reached = find_end(source, frames.mark_at, low, last, end)
        first, _ = frames.around(low, start)
        _, high = frames.around(find_mark(frames.mark_at, first, last, end, tolerance), end)
        part = ByteRange(low.byte, max(reached, high.byte) if high else reached)
        closed = _closed_splice(info, first, high or last, end - start + 4 * tolerance)
        locations.append(Location(part, closed or _open_splice(info, first, last)))
    return locations


def _closed_splice(info: StreamInfo, low: Mark, high: Mark, max_frames: int) -> Splice | None:
    """A splice that ends with a whole frame, so that it is known how many samples it must yield.

    None if that is too much to decode at a time, or of a kind that dr_flac is not trusted with.
    """
    if info.channels > _MAX_DR_FLAC_CHANNELS or info.sample_bits > _MAX_DR_FLAC_BITS:
        return None
    frames = high.frame - low.frame
    if not (0 < frames <= max_frames and 0 < high.byte - low.byte <= _MAX_SPLICE_BYTES):
        return None
    pieces = (ONLY_STREAM_INFO + info.block, ByteRange(low.byte, high.byte))
    return Splice(pieces, low.frame, low.frame, high.frame, decoders=(DrFlac(frames), Libsndfile()))


def _open_splice(info: StreamInfo, low: Mark, last: Mark) -> Splice:
    """A splice that extends to the end of the file, with all its metadata."""
    return Splice((ByteRange(0, info.audio_offset), ByteRange(low.byte, last.byte)), low.frame, low.frame)


class _Frames:
    """Finds frames by their headers, which must match the first one and have a correct checksum."""

    def __init__(self, source: BinaryIO, info: StreamInfo) -> None:
        self._source = source
        self._first = read_at(source, info.audio_offset, HEADER_BYTES)

    def mark_at(self, byte: int) -> Mark | None:
        """The first frame whose header is in the block that contains `byte`."""
        start = byte // BLOCK_BYTES * BLOCK_BYTES
        data = read_at(self._source, start, BLOCK_BYTES)
        at = data.find(self._first[:2])
        while at >= 0:
            span = frame_span(data[at : at + HEADER_BYTES], self._first)
            if span is not None:
                return Mark(start + at, span[0])
            at = data.find(self._first[:2], at + 1)
        return None

    def around(self, low: Mark, frame: int) -> tuple[Mark, Mark | None]:
        """The last mark up to `frame` and the first one after it, block by block from `low`, which is near.

        The second is None if there are no more marks.
        """
        following = self.mark_at(low.byte + BLOCK_BYTES)
        while following is not None and low.frame < following.frame <= frame:
            low, following = following, self.mark_at(following.byte + BLOCK_BYTES)
        return low, following if following is not None and following.frame > frame else None


def _find_beginning(data: bytes) -> int | None:
    return min((at for at in map(data.find, _BEGINNINGS) if at >= 0), default=None)


FORMATS = (
    Format(
        "flac",
        sniff=lambda head: at_start(head[:4] == b"fLaC"),
        decoders=DECODERS,
        check_whole=check_whole,
        locate=locate,
        places_take_reads=True,
        search=_find_beginning,
    ),
)
