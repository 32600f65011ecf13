"""Sample chunks of WAV, AIFF, AU and W64 files."""

import io
import struct
from collections.abc import Callable
from typing import BinaryIO

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.chunks import SampleChunk, aiff_samples, au_samples, w64_samples, wav_samples

Find = Callable[[BinaryIO, int], SampleChunk | None]
SAMPLE_BYTES = 44_100 * 2 * 2
FORMATS: list[tuple[Find, str]] = [
    (wav_samples, "wav"),
    (wav_samples, "rf64"),
    (w64_samples, "w64"),
    (aiff_samples, "aiff"),
    (au_samples, "au"),
]


@pytest.mark.parametrize(("find", "encoding"), FORMATS)
def test_finds_the_samples(find: Find, encoding: str) -> None:
    data = encode(chirp(1.0), 44_100, encoding)
    chunk = find(io.BytesIO(data), len(data))
    assert chunk is not None
    assert chunk.declared_bytes is not None
    assert chunk.declared_bytes in (SAMPLE_BYTES, SAMPLE_BYTES + 8)  # AIFF counts its offset and block size
    assert chunk.offset + chunk.declared_bytes == len(data)


@pytest.mark.parametrize(("find", "encoding"), FORMATS)
def test_a_header_alone_has_no_samples(find: Find, encoding: str) -> None:
    data = encode(chirp(1.0), 44_100, encoding)[:11]
    assert find(io.BytesIO(data), len(data)) is None


def test_a_chunk_that_ends_beyond_all_files_is_followed_by_none() -> None:
    data = bytearray(encode(chirp(1.0), 44_100, "w64"))
    data[56:64] = b"\xff" * 8  # the size of the first chunk, which is the format
    assert w64_samples(io.BytesIO(data), len(data)) is None


@pytest.mark.parametrize("declared", [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0xFFFF_FFDB])
def test_a_streamed_length_is_unknown(declared: int) -> None:
    wav = b"RIFF" + bytes(4) + b"WAVEdata" + struct.pack("<I", declared) + bytes(100)
    assert wav_samples(io.BytesIO(wav), len(wav)) == SampleChunk(20, None)
    au = b".snd" + struct.pack(">II", 24, declared) + bytes(100)
    assert au_samples(io.BytesIO(au), len(au)) == SampleChunk(24, None)


def test_lengths_of_gigabytes_are_lengths() -> None:
    au = b".snd" + struct.pack(">II", 24, 3_000_000_000)
    assert au_samples(io.BytesIO(au), len(au)) == SampleChunk(24, 3_000_000_000)


def test_odd_chunks_are_padded_and_big_endian_files_are_read() -> None:
    wav = b"RIFX" + bytes(4) + b"WAVE" + b"note" + struct.pack(">I", 3) + b"abc\0" + b"data" + struct.pack(">I", 6)
    assert wav_samples(io.BytesIO(wav), len(wav)) == SampleChunk(32, 6)


def test_endless_chunks_are_given_up() -> None:
    wav = b"RIFF" + bytes(4) + b"WAVE" + (b"note" + bytes(4)) * 10_000 + b"data" + struct.pack("<I", 6)
    assert wav_samples(io.BytesIO(wav), len(wav)) is None
