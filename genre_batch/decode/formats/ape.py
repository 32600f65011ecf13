"""Monkey's Audio (APE)."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Format, Libav, at_start
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.tags import before_plain_tags
from genre_batch.storage.ranged_file import read_at

_HEAD_BYTES = 128
_WITH_DESCRIPTOR = 3980
_DESCRIPTOR = struct.Struct("<4sHHIIIIIII")
_HEADER = struct.Struct("<HHIIIHHI")
_OLD_HEADER = struct.Struct("<4sHHHHIIIII")
_HAS_PEAK, _HAS_SEEK_ELEMENTS, _NO_WAV_HEADER = 4, 16, 32
_FRAME_SAMPLES = ((3950, 73_728 * 4), (3900, 73_728), (3800, 73_728), (0, 9_216))
"""The samples of a frame from a version on; before 3900, 73,728 only at the highest compression level."""
_EXTRA_HIGH = 4000
_MAX_FRAMES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Header:
    """total: samples per channel. seek_at: the byte of the table of frames. file_bytes: None if it is not declared."""

    total: int
    frames: int
    seek_at: int
    file_bytes: int | None


def _parse(head: bytes) -> _Header | None:
    if len(head) < _HEAD_BYTES // 2:
        return None
    version = int.from_bytes(head[4:6], "little")
    return _parse_new(head) if version >= _WITH_DESCRIPTOR else _parse_old(head, version)


def _parse_new(head: bytes) -> _Header | None:
    _, _, _, descriptor, header, seek, wav_head, low, high, wav_tail = _DESCRIPTOR.unpack_from(head)
    if len(head) < descriptor + _HEADER.size:
        return None
    _, _, per_frame, in_last, frames, *_ = _HEADER.unpack_from(head, descriptor)
    file_bytes = descriptor + header + seek + wav_head + low + (high << 32) + wav_tail
    return _Header(max(0, frames - 1) * per_frame + in_last, min(frames, seek // 4), descriptor + header, file_bytes)


def _parse_old(head: bytes, version: int) -> _Header:
    _, _, level, flags, _, _, wav_head, _, frames, in_last = _OLD_HEADER.unpack_from(head)
    per_frame = next(samples for since, samples in _FRAME_SAMPLES if version >= since)
    if 3800 <= version < 3900 and level != _EXTRA_HIGH:
        per_frame = _FRAME_SAMPLES[-1][1]
    at = _OLD_HEADER.size + (4 if flags & _HAS_PEAK else 0)
    elements = frames
    if flags & _HAS_SEEK_ELEMENTS:
        elements, at = int.from_bytes(head[at : at + 4], "little"), at + 4
    at += 0 if flags & _NO_WAV_HEADER else wav_head
    return _Header(max(0, frames - 1) * per_frame + in_last, min(frames, elements), at, None)


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the declared length, or else the start of the last frame, with the file."""
    header = _parse(read_at(source, 0, _HEAD_BYTES))
    if header is None:
        raise rejected(RejectReason.TRUNCATED, "the header of the APE file is cut")
    if not 0 < header.frames <= _MAX_FRAMES:
        raise rejected(RejectReason.CORRUPT, f"an APE file of {header.frames} frames")
    if header.file_bytes is not None:
        require_bytes("the APE header", header.file_bytes, size_bytes)
    last = read_at(source, header.seek_at + 4 * (header.frames - 1), 4)
    if len(last) < 4:
        raise rejected(RejectReason.TRUNCATED, "the table of frames is cut")
    require_bytes("the table of frames", int.from_bytes(last, "little"), size_bytes)
    return Checked(frames=header.total)


FORMATS = (
    Format(
        "ape",
        sniff=lambda head: at_start(head[:4] == b"MAC "),
        decoders=(Libav("ape", frozenset({"ape"})),),
        check_whole=check_whole,
        content_end=before_plain_tags,
    ),
)
