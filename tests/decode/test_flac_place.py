"""Where the window of a FLAC file is."""

import io

import numpy as np
import pytest
import soundfile
from audio_samples import chirp, encode

from genre_batch.decode.flac_decoder import FlacReader
from genre_batch.decode.flac_place import place_flac
from genre_batch.decode.place import Place, Splice
from genre_batch.decode.spliced_file import Part


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


def spliced(data: bytes, start_s: float = 9.5) -> tuple[bytes, Splice]:
    found = place(data, start_s)
    assert found is not None
    assert found.splice is not None
    pieces = [data[piece.start : piece.end] if isinstance(piece, Part) else piece for piece in found.splice.pieces]
    return b"".join(pieces), found.splice


@pytest.mark.parametrize("start_s", [0.0, 9.5, 17.9])
def test_the_splice_has_whole_frames_and_no_other_metadata(data: bytes, start_s: float) -> None:
    whole, _ = soundfile.read(io.BytesIO(data))
    found, splice = spliced(data, start_s)
    assert splice.end is not None
    reader = FlacReader(io.BytesIO(found), splice.end - splice.start)
    np.testing.assert_allclose(reader.read(0, reader.frames), whole[splice.start : splice.end].mean(axis=1), atol=1e-6)
    assert splice.start <= start_s * 44_100
    assert splice.end >= min(len(whole), (start_s + 2.0) * 44_100)
    assert splice.end - splice.start < 4 * 44_100


@pytest.mark.parametrize("byte", [20, 21])  # of eight channels, or of more bits than dr_flac is trusted with
def test_what_is_left_to_libsndfile_has_an_open_end(data: bytes, byte: int) -> None:
    marked = bytearray(data)
    marked[byte] |= 0x0E if byte == 20 else 0xF0
    marked[20] |= byte - 20
    found, splice = spliced(bytes(marked))
    assert splice.end is None
    assert found.endswith(data[-1000:])
