"""Chunks of RIFF and IFF files, and windows in samples that are not compressed."""

import io
import struct

import pytest

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.chunks import (
    Chunk,
    find_chunk,
    locate_samples,
    present_bytes,
    require_samples,
    unless_streamed,
)
from genre_batch.decode.window import Span
from genre_batch.storage.ranged_file import BLOCK_BYTES, RangedFile


@pytest.mark.parametrize(
    "declared",
    [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0xFFFF_FFDB, 0x8000_0000, 0x7F00_0008, 0xFF00_0000, 0x8000_0024],
)
def test_a_streamed_length_is_unknown(declared: int) -> None:
    assert unless_streamed(declared) is None
    wav = b"RIFF" + bytes(4) + b"WAVEdata" + struct.pack("<I", declared) + bytes(100)
    assert find_chunk(io.BytesIO(wav), len(wav), b"data", "little") == Chunk(20, None)


@pytest.mark.parametrize("declared", [1, 5000, 16 << 20, 3_000_000_000])
def test_other_lengths_are_lengths(declared: int) -> None:
    assert unless_streamed(declared) == declared


def test_odd_chunks_are_padded() -> None:
    wav = b"RIFX" + bytes(4) + b"WAVE" + b"note" + struct.pack(">I", 3) + b"abc\0" + b"data" + struct.pack(">I", 6)
    assert find_chunk(io.BytesIO(wav), len(wav), b"data", "big") == Chunk(32, 6)


def test_padding_may_be_missing() -> None:
    wav = b"RIFF" + bytes(4) + b"WAVE" + b"note" + struct.pack("<I", 3) + b"abc" + b"data" + struct.pack("<I", 6)
    assert find_chunk(io.BytesIO(wav), len(wav), b"data", "little") == Chunk(31, 6, is_hidden=True)


def test_the_search_may_begin_later() -> None:
    chunk = b"data" + struct.pack("<I", 6) + bytes(6)
    wav = b"RIFF" + bytes(4) + b"WAVE" + chunk + chunk
    assert find_chunk(io.BytesIO(wav), len(wav), b"data", "little") == Chunk(20, 6)
    assert find_chunk(io.BytesIO(wav), len(wav), b"data", "little", 26) == Chunk(34, 6)


def test_only_so_many_chunks_are_searched() -> None:
    for chunks, found in ((9_999, True), (10_000, False)):
        wav = b"RIFF" + bytes(4) + b"WAVE" + (b"note" + bytes(4)) * chunks + b"data" + struct.pack("<I", 6)
        assert (find_chunk(io.BytesIO(wav), len(wav), b"data", "little") is not None) is found


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [(None, RejectReason.CORRUPT), (Chunk(100, 90_000), RejectReason.TRUNCATED), (Chunk(9_000, 5_000), "truncated")],
)
def test_missing_samples_are_rejected(chunk: Chunk | None, reason: RejectReason) -> None:
    with pytest.raises(TrackRejected) as caught:
        require_samples(chunk, 8_000)
    assert caught.value.reject.reason == reason


@pytest.mark.parametrize("chunk", [Chunk(100, 7_900), Chunk(100, 8_100), Chunk(100, None)])
def test_samples_that_are_there_pass(chunk: Chunk) -> None:
    assert require_samples(chunk, 8_000) is chunk
    assert present_bytes(chunk, 8_000) == 7_900


def test_the_window_is_located_in_proportion() -> None:
    size_bytes = 100_000_000
    located = locate_samples(
        io.BytesIO(), size_bytes, lambda _: (Span(10.0, 10.0),), Chunk(44, size_bytes - 44), 100_000.0
    )
    assert located is not None
    (found,) = located
    assert found.part.start == 44 + 975_000
    assert found.part.end == 44 + 2_025_000 + 2 * BLOCK_BYTES


def test_the_duration_follows_from_the_samples() -> None:
    durations: list[float] = []
    locate_samples(
        io.BytesIO(), 1_000_044, lambda s: durations.append(s) or (Span(0.0, 1.0),), Chunk(44, None), 100_000.0
    )
    assert durations == [10.0]


@pytest.mark.parametrize("bytes_per_s", [0.0, 999.0, 1.1e9])
def test_absurd_rates_give_no_location(bytes_per_s: float) -> None:
    assert locate_samples(io.BytesIO(), 1000, lambda _: (Span(0.0, 1.0),), Chunk(44, None), bytes_per_s) is None


def test_samples_behind_many_small_chunks_are_hidden_from_decoders() -> None:
    wav = b"RIFF" + bytes(4) + b"WAVE" + (b"note" + bytes(4)) * 9_000 + b"data" + struct.pack("<I", 6)
    found = find_chunk(io.BytesIO(wav), len(wav), b"data", "little")
    assert found == Chunk(12 + 8 * 9_001, 6, is_hidden=True)


def test_many_large_chunks_are_not_followed() -> None:
    reads = list[int]()

    def read(start: int, length: int) -> bytes:
        reads.append(start)
        return (b"note" + struct.pack("<I", 99_992) + bytes(99_992))[start % 100_000 :][:length].ljust(length, b"\0")

    file = RangedFile(read, 12 + 1_000_000_000)
    assert find_chunk(io.BufferedReader(file), file.size_bytes, b"data", "little", 0) is None
    assert len(reads) <= 300
