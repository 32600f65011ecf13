"""Where the window of a FLAC file is."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.flac_place import place_flac
from genre_batch.decode.place import Place


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(20.0), 44_100, "flac")


def place(data: bytes, start_s: float) -> Place | None:
    return place_flac(io.BytesIO(data), len(data), lambda duration_s: (start_s, start_s + 2.0))


@pytest.mark.parametrize("start_s", [0.0, 1.0, 9.5, 18.0])
def test_the_splice_begins_with_a_frame_just_before_the_window(data: bytes, start_s: float) -> None:
    found = place(data, start_s)
    assert found is not None
    assert found.splice is not None
    assert data[found.part.start : found.part.start + 2] == b"\xff\xf8"
    assert found.splice.omitted % 4096 == 0
    assert (start_s - 2.0) * 44_100 <= found.splice.omitted <= max(0.0, start_s) * 44_100
    assert found.part.end >= (start_s + 2.0) / 20.0 * len(data) * 0.95


def test_without_stream_info_or_length_there_is_no_place(data: bytes) -> None:
    assert place(bytes(1000), 1.0) is None
    assert place(data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:], 1.0) is None
