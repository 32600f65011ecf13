"""How many samples a FLAC stream declares and how many its last frame reaches (RFC 9639)."""

from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.decode.byte_source import read_at

HEADER_BYTES = 16
"""A frame header is no longer than that."""

_MOST_BLOCKS = 128
_MOST_CANDIDATES = 10_000
_LARGEST_TAIL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The STREAMINFO block, and where the audio frames begin. `total_samples` per channel, 0 if unknown.

    block: its 34 bytes as they are.
    """

    block: bytes
    sample_rate: int
    channels: int
    sample_bits: int
    total_samples: int
    max_frame_bytes: int
    audio_offset: int


def read_stream_info(source: BinaryIO) -> StreamInfo | None:
    """The stream info of a FLAC file that begins at byte 0; None where its metadata blocks make no sense."""
    info, at = b"", 4
    for _ in range(_MOST_BLOCKS):
        head = read_at(source, at, 4)
        if len(head) < 4:
            return None
        length = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == 0 and not info:
            info = read_at(source, at + 4, 34)
        at += 4 + length
        if head[0] & 0x80:
            break
    return _parse_stream_info(info, at) if len(info) == 34 else None


def last_sample(source: BinaryIO, size_bytes: int, info: StreamInfo) -> int | None:
    """Samples per channel up to the end of the last frame whose header is in the file.

    None if no frame header that fits the first one is found in the tail.
    """
    first = read_at(source, info.audio_offset, HEADER_BYTES)
    length = min(max(65_536, 2 * info.max_frame_bytes), _LARGEST_TAIL, max(0, size_bytes - info.audio_offset))
    tail = read_at(source, size_bytes - length, length)
    at = tail.rfind(first[:2])
    for _ in range(_MOST_CANDIDATES):
        if at < 0 or frame_span(first, first) is None:
            break
        span = frame_span(tail[at : at + HEADER_BYTES].ljust(HEADER_BYTES, b"\0"), first)
        if span is not None:
            return span[1]
        at = tail.rfind(first[:2], 0, at)
    return None


def _parse_stream_info(info: bytes, audio_offset: int) -> StreamInfo:
    packed = int.from_bytes(info[10:18], "big")
    return StreamInfo(
        block=info,
        sample_rate=packed >> 44,
        channels=(packed >> 41 & 0x7) + 1,
        sample_bits=(packed >> 36 & 0x1F) + 1,
        total_samples=packed & (1 << 36) - 1,
        max_frame_bytes=int.from_bytes(info[7:10], "big"),
        audio_offset=audio_offset,
    )


def frame_span(head: bytes, first: bytes) -> tuple[int, int] | None:
    """The samples at which the frame with the header `head` begins and ends; None if it is none of `first`'s stream.

    Where frames are numbered all have the size of the first one; where it varies the sample itself is coded.
    """
    if len(head) < HEADER_BYTES or first[0] != 0xFF or first[1] & 0xFE != 0xF8:
        return None
    if head[:2] != first[:2] or (head[2] ^ first[2]) & 0x0F or (head[3] ^ first[3]) & 0x0F or head[2] >> 4 == 0:
        return None
    number, at = _coded_number(head)
    block, at = _block_samples(head, at)
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 0x0F, 0)
    if number is None or _crc8(head[:at]) != head[at]:
        return None
    is_sample_number = first[1] & 1
    start = number if is_sample_number else number * _block_samples(first, 5)[0]
    return start, start + block


def _coded_number(head: bytes) -> tuple[int | None, int]:
    """The frame or sample number, coded like UTF-8, and the offset behind it."""
    ones = 8 - (~head[4] & 0xFF).bit_length()
    if ones == 0:
        return head[4], 5
    if ones in (1, 8) or any(byte >> 6 != 2 for byte in head[5 : 4 + ones]):
        return None, 5
    number = head[4] & 0x7F >> ones
    for byte in head[5 : 4 + ones]:
        number = number << 6 | byte & 0x3F
    return number, 4 + ones


def _block_samples(head: bytes, at: int) -> tuple[int, int]:
    """The block size that the frame header codes, and the offset behind its extra bytes."""
    code = head[2] >> 4
    if code in (6, 7):
        extra = code - 5
        return int.from_bytes(head[at : at + extra], "big") + 1, at + extra
    return 192 if code == 1 else 144 << code if code < 6 else 1 << code, at


def _crc8(data: bytes) -> int:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc
