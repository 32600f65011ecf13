"""Boxes and sample tables of MP4 files."""

import io
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_format import Checked
from genre_batch.decode.formats.mp4 import SampleTable, check_whole, locate, sample_table
from genre_batch.decode.window import Span


def box(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return (8 + len(body) if length is None else length).to_bytes(4) + kind + body


FTYP, MOOV, MDAT = box(b"ftyp", b"M4A "), box(b"moov", bytes(50)), box(b"mdat", bytes(100))


@pytest.mark.parametrize("encoding", ["m4a", "alac", "fragmented_m4a"])
def test_whole_files_pass(encoding: str) -> None:
    data = encode(chirp(2.0), 44_100, encoding)
    assert check_whole(io.BytesIO(data), len(data)) == Checked()


@pytest.mark.parametrize(
    "data",
    [
        FTYP + MOOV + MDAT,
        FTYP + MDAT + MOOV,
        FTYP + MOOV + box(b"mdat", bytes(100), length=0),
        FTYP + MOOV + box(b"mdat", box(b"mdat", bytes(100), length=90_000), length=0),
        FTYP + MOOV + box(b"mdat", (120).to_bytes(8) + bytes(104), length=1),
        FTYP + MOOV + MDAT + bytes(3),
        FTYP + MOOV + MDAT + bytes(100),
    ],
)
def test_boxes_that_fit_pass(data: bytes) -> None:
    assert check_whole(io.BytesIO(data), len(data)) == Checked()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FTYP + MOOV + box(b"mdat", bytes(100), length=90_000), RejectReason.TRUNCATED),
        (FTYP + MOOV + box(b"mdat", (1 << 63).to_bytes(8), length=1), RejectReason.TRUNCATED),
        (FTYP + box(b"moov", bytes(100), length=90_000), RejectReason.TRUNCATED),
        (FTYP + MOOV, RejectReason.TRUNCATED),
        (FTYP + MDAT, RejectReason.CORRUPT),
        (FTYP, RejectReason.CORRUPT),
    ],
)
def test_what_is_missing_is_named(data: bytes, reason: RejectReason) -> None:
    with pytest.raises(TrackRejected) as caught:
        check_whole(io.BytesIO(data), len(data))
    assert caught.value.reject.reason is reason


RATE = 44_100


@pytest.mark.parametrize("encoding", ["m4a", "alac"])
def test_samples_are_where_libav_finds_them(encoding: str) -> None:
    data = encode(chirp(20.0, RATE), RATE, encoding)
    table = sample_table(data[data.rindex(b"moov") - 4 :])
    assert table is not None
    with av.open(io.BytesIO(data), format="mp4") as file:
        packets = [packet for packet in file.demux(file.streams.audio[0]) if packet.size]
    assert [packet.size for packet in packets] == table.sizes.tolist()
    assert [packet.pos for packet in packets] == [table.byte_of(number) for number in range(len(packets))]
    late = packets[len(packets) // 2]
    assert late.dts is not None
    second = float((late.dts - (packets[0].dts or 0)) * Fraction(late.time_base or 0))
    assert table.sample_at(second + 0.001) == len(packets) // 2


def test_a_window_is_located_but_not_in_fragments() -> None:
    data = encode(chirp(20.0, RATE), RATE, "m4a")
    found = locate(io.BytesIO(data), len(data), lambda duration_s: [Span(duration_s / 2, 1.0)])
    assert found is not None
    assert 0.4 * len(data) < found[0].part.start < 0.5 * len(data)
    fragmented = encode(chirp(5.0, RATE), RATE, "fragmented_m4a")
    assert locate(io.BytesIO(fragmented), len(fragmented), lambda duration_s: [Span(1.0, 1.0)]) is None


def test_chunks_of_several_sizes_and_64_bit_offsets() -> None:
    durations, chunks = np.array([[2, 10], [4, 20]]), np.array([[1, 2], [2, 1], [4, 2]])
    table = SampleTable(10, 100, durations, chunks, np.array([5, 6, 7, 8, 9, 10]), np.array([100, 200, 300, 1 << 40]))
    assert [table.byte_of(number) for number in range(6)] == [100, 105, 200, 300, 1 << 40, (1 << 40) + 9]
    assert [table.sample_at(second) for second in (0.0, 1.0, 2.0, 3.9, 4.0, 99.0)] == [0, 1, 2, 2, 3, 5]


@pytest.mark.parametrize("index", [b"", bytes(100), b"\0\0\0\x10moov\0\0\0\x08trak"])
def test_an_index_without_tables_is_not_parsed(index: bytes) -> None:
    assert sample_table(index) is None


@pytest.mark.parametrize("starts", [[1, 20_000_000], [1, 200_000] * 100])
def test_forged_chunks_take_no_memory(starts: list[int]) -> None:
    chunks = np.array([[start, 1] for start in starts])
    table = SampleTable(10, 100, np.array([[4, 1]]), chunks, np.array([5, 6, 7, 8]), np.array([100, 200, 300, 400]))
    tracemalloc.start()
    assert [table.byte_of(number) for number in range(4)] == [100, 200, 300, 400]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1 << 20
