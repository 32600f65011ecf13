"""The chunks of RIFF and IFF files, and the window in samples that are not compressed."""

from dataclasses import dataclass
from typing import BinaryIO, Literal

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Location, Spans
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.search import SLACK_S
from genre_batch.storage.ranged_file import BLOCK_BYTES, expect, read_at, report_progress
from genre_batch.storage.spliced_file import ByteRange

FEW_CHUNKS = 256
"""Wherever they are. More are followed only if they are near one another, since each may take a read of its own."""

_MAX_CHUNKS, _NEAR_BYTES = 10_000, 4 << 20
_NAME_BYTES = range(0x20, 0x7F)
_PAGE_BYTES = 4096
_SOX_PAGE = 0x7FFFF
_LEAST_PLACEHOLDER, _ROUND, _MOST_BYTES = 1 << 30, 1 << 24, 1 << 40
_BYTE_RATES = (1e3, 1e9)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The content of one chunk: its first byte, and its declared length; None if the writer left it open.

    is_hidden: whether decoders do not find it: a chunk of odd length in front of it is not padded, or there are many.
    """

    offset: int
    declared_bytes: int | None
    is_hidden: bool = False


def find_chunk(
    source: BinaryIO, size_bytes: int, name: bytes, order: Literal["little", "big"], at: int = 12
) -> Chunk | None:
    """The chunk `name` of a RIFF or IFF file, from the one at byte `at` on.

    None if there is none among the first 256 chunks, nor among 10,000 that begin in the first 4 MiB.
    """
    begin, is_hidden = at, False
    for number in range(_MAX_CHUNKS):
        if number >= FEW_CHUNKS and at - begin > _NEAR_BYTES:
            return None
        head = read_at(source, at, 8) if at < size_bytes else b""
        if len(head) < 8:
            return None
        declared = int.from_bytes(head[4:], order)
        if head[:4] == name:
            return Chunk(at + 8, unless_streamed(declared), is_hidden or number >= FEW_CHUNKS)
        at += 8 + declared
        if declared % 2:
            is_padded = _is_padded(source, at)
            at, is_hidden = at + is_padded, is_hidden or not is_padded
        if number % FEW_CHUNKS == 0:
            report_progress(source)
    return None


def _is_padded(source: BinaryIO, end: int) -> bool:
    """Whether the next chunk begins a byte after one of odd length ends. Some writers omit the padding."""
    near = read_at(source, end, 5)
    return _is_name(near[1:]) or not _is_name(near[:4])


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(byte in _NAME_BYTES for byte in name)


def unless_streamed(declared: int) -> int | None:
    """`declared`, or None for the placeholders of writers that cannot seek back.

    These are 0, what no file has (over 1 TiB), and from 1 GiB on any value within a page of a multiple of 16 MiB:
    0x7F000000, 0x80000000 and 0xFFFFFFFF, for example. One true length in two thousand is taken for a placeholder.
    """
    is_round = declared >= _LEAST_PLACEHOLDER and (declared + _PAGE_BYTES) % _ROUND < 2 * _PAGE_BYTES
    is_streamed = declared == 0 or is_round or declared > _MOST_BYTES or declared // _PAGE_BYTES == _SOX_PAGE
    return None if is_streamed else declared


def require_samples(chunk: Chunk | None, size_bytes: int) -> Chunk:
    """`chunk`, which has the samples. Raises TrackRejected: `corrupt` if there is none, `truncated` if it is cut."""
    if chunk is None:
        text = f"no chunk with samples among the first {FEW_CHUNKS} chunks, nor among {_MAX_CHUNKS:,} small ones"
        raise rejected(RejectReason.CORRUPT, text)
    if chunk.declared_bytes is not None:
        require_bytes("the chunk with the samples", chunk.declared_bytes, max(0, size_bytes - chunk.offset))
    return chunk


def present_bytes(samples: Chunk, size_bytes: int) -> int:
    """The length of `samples` as declared, or up to the end of the file if that comes first."""
    return min(samples.declared_bytes or size_bytes, size_bytes - samples.offset)


def locate_samples(
    source: BinaryIO, size_bytes: int, spans: Spans, samples: Chunk, bytes_per_s: float
) -> list[Location] | None:
    """Each span in `samples`, of which each second takes `bytes_per_s`; None if that figure is absurd."""
    if not _BYTE_RATES[0] <= bytes_per_s <= _BYTE_RATES[1]:
        return None
    length = present_bytes(samples, size_bytes)
    read_at(source, samples.offset + length, 1)  # decoders look for chunks after the samples
    locations = []
    for span in spans(length / bytes_per_s):
        start = samples.offset + round(max(0.0, span.start_s - SLACK_S) * bytes_per_s)
        end = samples.offset + round((span.end_s + SLACK_S) * bytes_per_s)
        part = ByteRange(start, min(size_bytes, end + 2 * BLOCK_BYTES))
        expect(source, part.start, part.end)
        locations.append(Location(part))
    return locations
