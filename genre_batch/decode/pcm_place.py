"""Where the window of a WAV or AIFF file is: bytes and seconds are in proportion there."""

from collections.abc import Callable
from typing import BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.chunks import SampleChunk, aiff_samples, find_chunk, wav_samples
from genre_batch.decode.place import SLACK_S, Place, Span
from genre_batch.decode.ranged_file import BLOCK_BYTES, expect
from genre_batch.decode.spliced_file import Part


def place_wav(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of a WAV file; None where its headers do not tell."""
    head = find_chunk(source, size_bytes, b"fmt ", "big" if read_at(source, 0, 4) == b"RIFX" else "little")
    return _place(source, size_bytes, span, wav_samples(source, size_bytes), head, _wav_bytes_per_s)


def place_aiff(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of an AIFF file; None where its headers do not tell."""
    head = find_chunk(source, size_bytes, b"COMM", "big")
    return _place(source, size_bytes, span, aiff_samples(source, size_bytes), head, _aiff_bytes_per_s)


def _place(
    source: BinaryIO,
    size_bytes: int,
    span: Span,
    samples: SampleChunk | None,
    head: SampleChunk | None,
    bytes_per_s: Callable[[bytes, int], float],
) -> Place | None:
    if samples is None or head is None:
        return None
    length = min(samples.declared_bytes or size_bytes, size_bytes - samples.offset)
    rate = bytes_per_s(read_at(source, head.offset, 18), length)
    if not 1000 <= rate <= 1e9:
        return None
    read_at(source, samples.offset + length, 1)  # decoders look for chunks behind the samples
    start_s, end_s = span(length / rate)
    start, end = (samples.offset + round(second * rate) for second in (max(0.0, start_s - SLACK_S), end_s + SLACK_S))
    part = Part(start, min(size_bytes, end + 2 * BLOCK_BYTES))
    expect(source, part.start, part.end)
    return Place(part)


def _wav_bytes_per_s(head: bytes, _length: int) -> float:
    return int.from_bytes(head[8:12], "little")


def _aiff_bytes_per_s(head: bytes, length: int) -> float:
    """By the number of frames and the rate, which is an 80-bit float."""
    frames = int.from_bytes(head[2:6], "big")
    exponent, mantissa = int.from_bytes(head[8:10], "big"), int.from_bytes(head[10:18], "big")
    if not frames or not 16383 <= exponent < 16383 + 31:
        return 0.0
    return length / frames * mantissa / 2.0 ** (63 - (exponent - 16383))
