"""AMR and AMR-WB (RFC 4867, section 5), speech in frames of 20 ms."""

from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Format, Joined, Libav, Link, at_start
from genre_batch.decode.rejected import rejected
from genre_batch.decode.tags import before_tags
from genre_batch.storage.ranged_file import read_at, report_progress
from genre_batch.storage.spliced_file import ByteRange

_FRAMES_PER_S = 50
_BLOCK_BYTES = 1 << 20
_MAX_RUNS = 4096


@dataclass(frozen=True, slots=True)
class _Variant:
    """magic: the first bytes. frame_bytes: by the frame type in bits 1 to 4 of a frame; 0 if there is no such type."""

    magic: bytes
    codecs: frozenset[str]
    sample_rate: int
    frame_bytes: tuple[int, ...]


_NARROW = _Variant(
    b"#!AMR\n", frozenset({"amrnb", "libopencore_amrnb"}), 8_000, (13, 14, 16, 18, 20, 21, 27, 32, 6, *(0,) * 6, 1)
)
_WIDE = _Variant(
    b"#!AMR-WB\n",
    frozenset({"amrwb", "libopencore_amrwb"}),
    16_000,
    (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, *(0,) * 4, 1, 1),
)


def _check_whole(source: BinaryIO, size_bytes: int, variant: _Variant) -> Checked:
    """Counts the frames. Nothing says how many there should be, so a cut file counts as what remains.

    Decoders do not get to see what follows the last whole frame.
    """
    at, frames, block, data, runs = 0, 0, 0, b"", list[ByteRange]()
    while at < size_bytes and len(runs) < _MAX_RUNS:
        if at + len(variant.magic) > block + len(data):
            block, data = at, read_at(source, at, _BLOCK_BYTES)
            report_progress(source)
        if data.startswith(variant.magic, at - block):  # at the start of the file, and of one joined to it
            at += len(variant.magic)
            runs.append(ByteRange(at if runs else 0, at))
            continue
        length = variant.frame_bytes[data[at - block] >> 3 & 0xF] if data[at - block] & 0x83 == 0 else 0
        if length == 0 or at + length > size_bytes or not runs:
            break
        at, frames = at + length, frames + 1
        runs[-1] = ByteRange(runs[-1].start, at)
    if frames == 0:
        raise rejected(RejectReason.CORRUPT, "no AMR frame follows the first bytes")
    length = frames * variant.sample_rate // _FRAMES_PER_S
    link = Link(tuple(runs), _decoders(variant), length)
    return Checked(length, decoders=() if runs == [ByteRange(0, size_bytes)] else (Joined((link,)),))


def _decoders(variant: _Variant) -> tuple[Libav, ...]:
    return (Libav("amr", variant.codecs),)


def _format(name: str, variant: _Variant) -> Format:
    return Format(
        name,
        sniff=lambda head: at_start(head.startswith(variant.magic)),
        decoders=_decoders(variant),
        check_whole=partial(_check_whole, variant=variant),
        content_end=before_tags,
    )


FORMATS = (_format("amr_nb", _NARROW), _format("amr_wb", _WIDE))
