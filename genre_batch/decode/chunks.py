"""Where the samples of WAV, RF64, W64, AIFF and AU files stand, and how many bytes their headers declare."""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Literal

from genre_batch.decode.byte_source import read_at

_MOST_CHUNKS = 256
_PAGE_BYTES = 4096
_STREAMED_PAGES = (0x7FFFF, 0xFFFFF)
_W64_DATA = bytes.fromhex("64617461F3ACD3118CD100C04F8EDB8A")


@dataclass(frozen=True, slots=True)
class SampleChunk:
    """The chunk with the samples: its first byte, and its declared length; None if the writer was streaming."""

    offset: int
    declared_bytes: int | None


def wav_samples(source: BinaryIO, size_bytes: int) -> SampleChunk | None:
    """The `data` chunk of a RIFF, RIFX or RF64 file; None if there is none."""
    magic = read_at(source, 0, 4)
    found = find_chunk(source, size_bytes, b"data", "big" if magic == b"RIFX" else "little")
    if found is None or magic != b"RF64":
        return found
    ds64 = read_at(source, 12, 24)
    if ds64[:4] == b"ds64" and len(ds64) == 24 and found.declared_bytes is None:
        return SampleChunk(found.offset, struct.unpack_from("<Q", ds64, 16)[0])
    return found


def aiff_samples(source: BinaryIO, size_bytes: int) -> SampleChunk | None:
    """The `SSND` chunk of an AIFF or AIFC file; None if there is none."""
    return find_chunk(source, size_bytes, b"SSND", "big")


def au_samples(source: BinaryIO, _size_bytes: int) -> SampleChunk | None:
    """The samples of an AU file of either byte order; None if the header is cut."""
    head = read_at(source, 0, 12)
    if len(head) < 12:
        return None
    offset, declared = struct.unpack(">II" if head[:4] == b".snd" else "<II", head[4:])
    return SampleChunk(offset, _unless_streamed(declared))


def w64_samples(source: BinaryIO, size_bytes: int) -> SampleChunk | None:
    """The `data` chunk of a Sony Wave64 file, whose chunks are named by GUIDs; None if there is none."""
    at = 40
    for _ in range(_MOST_CHUNKS):
        head = read_at(source, at, 24) if at < size_bytes else b""
        if len(head) < 24:
            return None
        declared = int.from_bytes(head[16:], "little")
        if head[:16] == _W64_DATA:
            return SampleChunk(at + 24, max(0, declared - 24))
        at += max(24, -(-declared // 8) * 8)
    return None


def find_chunk(source: BinaryIO, size_bytes: int, name: bytes, order: Literal["little", "big"]) -> SampleChunk | None:
    """The chunk `name` of a RIFF or IFF file; None if there is none."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        head = read_at(source, at, 8) if at < size_bytes else b""
        if len(head) < 8:
            return None
        declared = int.from_bytes(head[4:], order)
        if head[:4] == name:
            return SampleChunk(at + 8, _unless_streamed(declared))
        at += 8 + declared + declared % 2
    return None


def _unless_streamed(declared: int) -> int | None:
    """`declared`, but None for what writers put there that cannot go back to fill it in: 0, or nearly 2 or 4 GiB."""
    return None if declared == 0 or declared // _PAGE_BYTES in _STREAMED_PAGES else declared
