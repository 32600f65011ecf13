"""WavPack (version 4 and 5 of its file format)."""

import struct
from typing import BinaryIO, NamedTuple

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Format, Libav, at_start
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.tags import before_plain_tags
from genre_batch.storage.ranged_file import read_at, report_progress

_HEADER = struct.Struct("<4sIHBBIIIII")
_MAGIC = b"wvpk"
_VERSIONS = range(0x402, 0x411)
_TAIL_BYTES = 256 * 1024
_MAX_BLOCK_BYTES = 1 << 24
_UNKNOWN = 0xFFFF_FFFF


class _Block(NamedTuple):
    """The header of a block: its length, the samples of the file (None if unknown), and where its own end."""

    block_bytes: int
    total: int | None
    end: int


def _parse(head: bytes) -> _Block | None:
    if len(head) < _HEADER.size:
        return None
    magic, size, version, index_high, total_high, total, index, samples, _, _ = _HEADER.unpack(head)
    if magic != _MAGIC or version not in _VERSIONS or not _HEADER.size <= size + 8 <= _MAX_BLOCK_BYTES:
        return None
    known = None if total == _UNKNOWN else total + (total_high << 32) - total_high
    return _Block(size + 8, known, index + (index_high << 32) + samples)


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """The last block must be whole, and reach the samples that the first one declares."""
    first = _parse(read_at(source, 0, _HEADER.size))
    if first is None:
        raise rejected(RejectReason.CORRUPT, "no WavPack block at the start")
    last = _last_block(source, size_bytes)
    if last is None:
        raise rejected(RejectReason.CORRUPT, "no WavPack block near the end")
    at, block = last
    require_bytes("the last WavPack block", block.block_bytes, size_bytes - at)
    total = first.total or block.end
    if total - block.end > max(4096, total // 1000):
        raise rejected(
            RejectReason.TRUNCATED, f"the first block declares {total} samples, the last one ends at {block.end}"
        )
    return Checked(frames=total)


def _last_block(source: BinaryIO, size_bytes: int) -> tuple[int, _Block] | None:
    """The last block that begins in the file, and its byte."""
    end = size_bytes
    while end > 0 and size_bytes - end < _MAX_BLOCK_BYTES:
        start = max(0, end - _TAIL_BYTES)
        tail = read_at(source, start, end - start + _HEADER.size - 1)
        at = tail.rfind(_MAGIC)
        while at >= 0:
            block = _parse(tail[at : at + _HEADER.size])
            if block is not None:
                return start + at, block
            at = tail.rfind(_MAGIC, 0, at)
        end = start
        report_progress(source)
    return None


def content_end(source: BinaryIO, size_bytes: int) -> int:
    """The end of the last block."""
    end = before_plain_tags(source, size_bytes)
    last = _last_block(source, end)
    return end if last is None else min(size_bytes, last[0] + last[1].block_bytes)


FORMATS = (
    Format(
        "wavpack",
        sniff=lambda head: at_start(_parse(head[: _HEADER.size]) is not None),
        decoders=(Libav("wv", frozenset({"wavpack"})),),
        check_whole=check_whole,
        content_end=content_end,
    ),
)
