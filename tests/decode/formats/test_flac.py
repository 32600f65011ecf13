"""Stream info, frame headers and windows of FLAC files."""

import io

import numpy as np
import pytest
import soundfile
from audio_samples import chirp, encode

from genre_batch.decode.audio_file import open_audio
from genre_batch.decode.audio_format import DrFlac, Joined, Libsndfile, Location, Splice
from genre_batch.decode.decoder import open_reader
from genre_batch.decode.formats.flac import check_whole, last_sample, locate, read_stream_info
from genre_batch.decode.window import Span
from genre_batch.storage.ranged_file import RangedFile
from genre_batch.storage.spliced_file import ByteRange


def reached(data: bytes) -> int | None:
    info = read_stream_info(io.BytesIO(data))
    assert info is not None
    return last_sample(io.BytesIO(data), len(data), info)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("encoding", ["flac", "flac_24"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_last_frame_reaches_the_declared_end(rate: int, encoding: str, channels: int) -> None:
    data = encode(chirp(3.123, rate, channels), rate, encoding)
    info = read_stream_info(io.BytesIO(data))
    assert info is not None
    assert (info.sample_rate, info.total_samples) == (rate, round(3.123 * rate))
    assert reached(data) == info.total_samples


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_a_cut_file_reaches_less(part: float) -> None:
    data = encode(chirp(10.0), 44_100, "flac")
    end = reached(data[: int(len(data) * part)])
    assert end == pytest.approx(part * 441_000, abs=3 * 4096)


def test_many_frames_need_longer_numbers() -> None:
    data = encode(np.zeros((44_100 * 300, 1), np.float32), 44_100, "flac")
    assert reached(data) == 44_100 * 300


def test_a_tail_without_frames_reaches_nothing() -> None:
    data = encode(chirp(1.0), 44_100, "flac")
    assert reached(data + bytes(200_000)) is None
    assert reached(data + b"TAG" + bytes(125)) == 44_100


@pytest.mark.parametrize("data", [b"fLaC", b"fLaC\x84\x00\x00\x10" + bytes(16), b"fLaC" + b"\x01\x00\x00\x00" * 5000])
def test_metadata_that_makes_no_sense_is_not_parsed(data: bytes) -> None:
    assert read_stream_info(io.BytesIO(data)) is None


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(20.0), 44_100, "flac")


def located(data: bytes, start_s: float) -> Location | None:
    found = locate(io.BytesIO(data), len(data), lambda duration_s: [Span(start_s, 2.0)])
    return found[0] if found else None


@pytest.mark.parametrize("start_s", [0.0, 1.0, 9.5, 18.0])
def test_the_splice_begins_with_a_frame_just_before_the_window(data: bytes, start_s: float) -> None:
    found = located(data, start_s)
    assert found is not None
    assert found.splice is not None
    assert data[found.part.start : found.part.start + 2] == b"\xff\xf8"
    assert found.splice.omitted % 4096 == 0
    assert (start_s - 2.0) * 44_100 <= found.splice.omitted <= max(0.0, start_s) * 44_100
    assert found.part.end >= (start_s + 2.0) / 20.0 * len(data) * 0.95


def test_without_stream_info_or_length_there_is_no_location(data: bytes) -> None:
    assert located(bytes(1000), 1.0) is None
    assert located(data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:], 1.0) is None


def spliced(data: bytes, start_s: float = 9.5) -> tuple[bytes, Splice]:
    found = located(data, start_s)
    assert found is not None
    assert found.splice is not None
    pieces = [data[piece.start : piece.end] if isinstance(piece, ByteRange) else piece for piece in found.splice.pieces]
    return b"".join(pieces), found.splice


@pytest.mark.parametrize("start_s", [0.0, 9.5, 17.9])
def test_the_splice_has_whole_frames_and_no_other_metadata(data: bytes, start_s: float) -> None:
    whole, _ = soundfile.read(io.BytesIO(data))
    found, splice = spliced(data, start_s)
    assert splice.end is not None
    assert splice.decoders == (DrFlac(splice.end - splice.start), Libsndfile())
    decoded = open_reader(io.BytesIO(found), splice.decoders).read(0, splice.end - splice.start)
    np.testing.assert_allclose(decoded, whole[splice.start : splice.end].mean(axis=1), atol=1e-6)
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
    assert splice.decoders == ()
    assert found.endswith(data[-1000:])


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of any size count as large, so they are not searched for others."""
    monkeypatch.setattr("genre_batch.decode.formats.flac._SMALL_BYTES", 0)


def several(*parts: bytes) -> int:
    """How many files `check_whole` finds in the parts, one after another."""
    data = b"".join(parts)
    (decoder, *_) = check_whole(io.BytesIO(data), len(data)).decoders or (Libsndfile(),)
    return len(decoder.links) if isinstance(decoder, Joined) else 1


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("softer", [1.0, 0.1])
def test_files_of_equal_length_are_told_apart(data: bytes, softer: float) -> None:
    other = encode(softer * chirp(20.0, seed=3), 44_100, "flac")
    assert several(data, other) == 2
    assert several(other, data) == 2
    assert several(data) == 1


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("loud_s", [6.0, 15.0])
def test_a_file_with_a_silent_end_is_one(loud_s: float) -> None:
    sound = chirp(60.0, seed=4)
    sound[round(loud_s * 44_100) :] *= 1e-4
    assert several(encode(sound, 44_100, "flac")) == 1


@pytest.mark.usefixtures("large")
def test_without_the_longest_frame_the_middle_decides(data: bytes) -> None:
    unknown = data[:15] + bytes(3) + data[18:]
    assert several(unknown) == 1
    assert several(unknown, unknown) == 2


@pytest.mark.usefixtures("large")
def test_one_file_is_checked_by_its_head_and_its_tail() -> None:
    data = encode(chirp(20.0) * np.linspace(0.02, 1.0, 882_000, dtype=np.float32)[:, None], 44_100, "flac")
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    assert len(data) > 300_000
    check_whole(io.BufferedReader(file), len(data))
    assert file.fetches == 2


def test_frames_behind_the_declared_end_count(data: bytes) -> None:
    declared = data[:22] + (300_000).to_bytes(4, "big") + data[26:]
    (decoder,) = check_whole(io.BytesIO(declared), len(declared)).decoders
    assert isinstance(decoder, Joined)
    reader = open_reader(io.BytesIO(declared), (decoder,))
    assert reader.frames == 20 * 44_100
    whole, _ = soundfile.read(io.BytesIO(data))
    np.testing.assert_allclose(reader.read(600_000, 1_000), whole[600_000:601_000].mean(axis=1), atol=1e-4)


def test_a_file_may_begin_after_other_bytes(data: bytes) -> None:
    found = open_audio(io.BytesIO(b"x" * 777 + data), 777 + len(data))
    assert found is not None
    assert (found.format.name, found.offset) == ("flac", 777)
