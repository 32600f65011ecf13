"""AIFF and AIFF-C."""

from typing import BinaryIO

from genre_batch.decode.audio_format import (
    ADPCM_CODECS,
    PCM_CODECS,
    Checked,
    Format,
    Libav,
    Libsndfile,
    Location,
    Spans,
    at_start,
)
from genre_batch.decode.chunks import Chunk, find_chunk, locate_samples, present_bytes, require_samples
from genre_batch.decode.joined_files import check_parts, parts_by_length
from genre_batch.storage.ranged_file import read_at

_EXPONENT_BIAS = 16383
_DECODERS = (Libsndfile(), Libav("aiff", ADPCM_CODECS | PCM_CODECS))


def find_samples(source: BinaryIO, size_bytes: int) -> Chunk | None:
    """The `SSND` chunk; None if there is none."""
    return find_chunk(source, size_bytes, b"SSND", "big")


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the `SSND` chunk with the file. Each of several joined files is decoded on its own."""
    parts = parts_by_length(source, size_bytes, "big")
    if len(parts) > 1:
        return check_parts(source, parts, _check_one, _DECODERS)
    return _check_one(source, size_bytes)


def _check_one(source: BinaryIO, size_bytes: int) -> Checked:
    require_samples(find_samples(source, size_bytes), size_bytes)
    return Checked()


def locate(source: BinaryIO, size_bytes: int, spans: Spans) -> list[Location] | None:
    """By the mean bytes per second that follow from the `COMM` chunk."""
    layout = find_chunk(source, size_bytes, b"COMM", "big")
    samples = find_samples(source, size_bytes)
    if layout is None or samples is None:
        return None
    bytes_per_s = _bytes_per_s(read_at(source, layout.offset, 18), present_bytes(samples, size_bytes))
    return locate_samples(source, size_bytes, spans, samples, bytes_per_s)


def _bytes_per_s(layout: bytes, length: int) -> float:
    """From the number of frames and the sample rate, which is an 80-bit float; 0 if they make no sense."""
    frames = int.from_bytes(layout[2:6], "big")
    exponent, mantissa = int.from_bytes(layout[8:10], "big"), int.from_bytes(layout[10:18], "big")
    if not frames or not _EXPONENT_BIAS <= exponent < _EXPONENT_BIAS + 31:
        return 0.0
    return length / frames * mantissa / 2.0 ** (63 - (exponent - _EXPONENT_BIAS))


FORMATS = (
    Format(
        "aiff",
        sniff=lambda head: at_start(head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")),
        decoders=_DECODERS,
        check_whole=check_whole,
        locate=locate,
    ),
)
