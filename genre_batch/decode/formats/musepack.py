"""Musepack, stream versions 7 and 8."""

from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Format, Libav, at_start
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.tags import before_plain_tags
from genre_batch.storage.ranged_file import read_at, report_progress

_SV7_HEADER_BYTES = 24
_FRAME_LENGTH_BITS = 20
_MAX_FRAMES = 1 << 20
_WORD_BYTES = 4
_REPORT_EVERY = 4096
_MAX_PACKETS = 1 << 20
_MAX_PACKET_HEAD_BYTES = 12


def check_sv7(source: BinaryIO, size_bytes: int) -> Checked:
    """Follows the frames, each of which begins with its length in bits, to the last one that the header declares."""
    head = read_at(source, 0, _SV7_HEADER_BYTES)
    frames = int.from_bytes(head[4:8], "little")
    if len(head) < _SV7_HEADER_BYTES or not 0 < frames <= _MAX_FRAMES:
        raise rejected(RejectReason.CORRUPT, f"a Musepack file of {frames} frames")
    bit = 8 * _SV7_HEADER_BYTES + 8
    for number in range(frames):
        word = bit // 32 * _WORD_BYTES
        pair = read_at(source, word, 2 * _WORD_BYTES)
        if len(pair) < _WORD_BYTES:
            break
        stored = pair[3::-1] + pair[7:3:-1].rjust(_WORD_BYTES, b"\0")
        bits = int.from_bytes(stored, "big") >> 64 - bit % 32 - _FRAME_LENGTH_BITS & (1 << _FRAME_LENGTH_BITS) - 1
        bit += _FRAME_LENGTH_BITS + bits
        if number % _REPORT_EVERY == 0:
            report_progress(source)
    else:
        require_bytes("the lengths of the frames", bit // 8, size_bytes)
        return Checked()
    raise rejected(RejectReason.TRUNCATED, f"the header declares {frames} frames, the file ends in frame {number}")


def check_sv8(source: BinaryIO, size_bytes: int) -> Checked:
    """Follows the packets to the one that ends the stream.

    The samples are those of the stream header: libav takes whole packets for the length and leaves out the rest.
    """
    at, frames = 4, None
    for number in range(_MAX_PACKETS):
        head = read_at(source, at, _MAX_PACKET_HEAD_BYTES) if at < size_bytes else b""
        length = _packet_bytes(head)
        if length is None:
            break
        if head[:2] == b"SE":
            return Checked(frames=frames)
        if head[:2] == b"SH":
            frames = _samples(read_at(source, at, length))
        require_bytes("a Musepack packet", length, size_bytes - at)
        at += length
        if number % _REPORT_EVERY == 0:
            report_progress(source)
    if at < size_bytes:
        raise rejected(RejectReason.CORRUPT, f"no Musepack packet at byte {at}")
    raise rejected(RejectReason.TRUNCATED, "the Musepack file ends before the packet that ends the stream")


def _samples(stream_header: bytes) -> int | None:
    """The samples that are heard, by the packet SH; None if it is cut."""
    at = 2 + _number(stream_header[2:])[1] + 5
    total, width = _number(stream_header[at:])
    silence, _ = _number(stream_header[at + width :])
    return total - silence if total > silence else None


def _number(data: bytes) -> tuple[int, int]:
    """A number in seven bits a byte, and how many bytes it takes; 0 if it is cut or too long."""
    value = 0
    for width, byte in enumerate(data[:10], 1):
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, width
    return 0, 0


def _packet_bytes(head: bytes) -> int | None:
    """The length of a packet with its key, in seven bits a byte; None if there is no packet."""
    if len(head) < 3 or not head[:2].isalpha():
        return None
    length, width = _number(head[2:])
    return length if length >= 2 + width and width else None


FORMATS = (
    Format(
        "musepack_sv7",
        sniff=lambda head: at_start(head[:3] == b"MP+" and head[3:4] != b"" and head[3] & 0xF == 7),
        decoders=(Libav("mpc", frozenset({"mpc7"})),),
        check_whole=check_sv7,
        content_end=before_plain_tags,
    ),
    Format(
        "musepack_sv8",
        sniff=lambda head: at_start(head[:4] == b"MPCK"),
        decoders=(Libav("mpc8", frozenset({"mpc8"}), seeks=False),),
        check_whole=check_sv8,
        content_end=before_plain_tags,
    ),
)
