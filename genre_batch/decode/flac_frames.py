"""The headers of FLAC frames (RFC 9639, section 9.1)."""

HEADER_BYTES = 16
"""The longest frame header."""


def frame_span(head: bytes, first: bytes) -> tuple[int, int] | None:
    """The samples at which the frame with the header `head` begins and ends; None if it is not of `first`'s stream.

    If frames are numbered, all have the size of the first one; if sizes vary, the header has the sample number instead.
    """
    if len(head) < HEADER_BYTES or first[0] != 0xFF or first[1] & 0xFE != 0xF8:
        return None
    if head[:2] != first[:2] or (head[2] ^ first[2]) & 0x0F or (head[3] ^ first[3]) & 0x0F or head[2] >> 4 == 0:
        return None
    if _channels(head) != _channels(first):
        return None
    number, at = _coded_number(head)
    block, at = _block_samples(head, at)
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 0x0F, 0)
    if number is None or _crc8(head[:at]) != head[at]:
        return None
    is_sample_number = first[1] & 1
    start = number if is_sample_number else number * _block_samples(first, 5)[0]
    return start, start + block


def _channels(head: bytes) -> int:
    """The number of channels in the frame header: those from 8 on are ways to code two."""
    code = head[3] >> 4
    return code + 1 if code < 8 else 2


def _coded_number(head: bytes) -> tuple[int | None, int]:
    """The frame or sample number, coded like UTF-8, and the offset after it; the number is None if it is invalid."""
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
    """The block size in the frame header, and the offset after its extra bytes."""
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
