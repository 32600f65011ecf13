"""What is fetched before the decoder asks for it."""

import io
import random

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.decode.audio_file import SMALL_BYTES
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.fetch_window import fetch_window
from genre_batch.decode.window import Window
from genre_batch.storage.ranged_file import RangedFile
from genre_batch.storage.store import ReadFailed

RATE = 48_000
SMALL = 100_000
WINDOW = Window(length_s=2.0, min_offset_s=5, max_offset_s=5)
PART = Window(length_s=4.0, min_offset_s=15, max_offset_s=15)
LATE = Window(length_s=4.0, min_offset_s=100, max_offset_s=100)
PIECES = Window(length_s=1.0, pieces=4)
EARLY = Window(length_s=4.0, min_offset_s=0, max_offset_s=0)


def fetched(data: bytes, whole_bytes: int, window: Window = WINDOW) -> RangedFile:
    file = RangedFile(lambda start, length: data[start : start + length], len(data), max_fetch_blocks=1024)
    fetch_window(file, "a", window, whole_bytes=whole_bytes)
    return file


def test_a_small_file_is_fetched_whole_in_one_request() -> None:
    file = fetched(bytes(SMALL_BYTES), 0)
    assert (file.fetches, file.fetched_bytes) == (1, SMALL_BYTES)


def test_of_a_large_file_the_head_and_the_window_are_fetched() -> None:
    data = encode(chirp(20.0), 44_100, "wav")
    file = fetched(data, len(data))
    assert file.fetches == 2
    assert file.fetched_bytes < 0.2 * len(data)


@pytest.mark.parametrize(
    ("whole_bytes", "wanted_bytes"), [(2 * SMALL_BYTES, 2 * SMALL_BYTES), (2 * SMALL_BYTES - 1, 256 * 1024)]
)
def test_a_file_without_a_location_is_fetched_whole_unless_it_is_too_large(whole_bytes: int, wanted_bytes: int) -> None:
    noise = random.Random(2).randbytes(2 * SMALL_BYTES)
    assert fetched(noise, whole_bytes).fetched_bytes == wanted_bytes


def test_a_damaged_file_is_left_to_the_decoder() -> None:
    data = encode(chirp(20.0), 44_100, "wav")[: 2 * SMALL_BYTES]
    assert fetched(data, len(data)).fetched_bytes < 0.2 * len(data)


def test_a_failed_read_is_raised() -> None:
    def failing(start: int, length: int) -> bytes:
        raise ReadFailed("line cut")

    with pytest.raises(ReadFailed, match="line cut"):
        fetch_window(RangedFile(failing, 2 * SMALL_BYTES), "a", WINDOW, whole_bytes=0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 24 s count as large, so that there is less to encode."""
    for module in ("audio_file", "fetch_window"):
        monkeypatch.setattr(f"genre_batch.decode.{module}.SMALL_BYTES", SMALL)
    for module in ("formats.ogg", "mpeg_length"):
        monkeypatch.setattr(f"genre_batch.decode.{module}._SMALL_BYTES", SMALL)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", ["mp3", "mp3_untagged", "flac", "wav", "aiff", "ogg", "opus", "m4a"])
def test_the_decoder_asks_for_nothing_else(encoding: str) -> None:
    data = encode(chirp(24.0, RATE), RATE, encoding)
    assert len(data) > SMALL
    for window in (PART, LATE, EARLY):
        storage = fetched(data, len(data), window)
        requests = storage.fetches
        assert 1 <= requests <= 5
        child = RangedFile(storage.read_range, len(data))
        decode_window(io.BufferedReader(child, 32_768), len(data), "a", window)
        assert storage.fetches <= requests + (window is not PART)
        assert storage.fetched_bytes < 0.8 * len(data)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", ["mp3", "mp3_untagged", "flac", "wav", "aiff", "ogg", "opus", "m4a"])
def test_pieces_take_few_requests_each_and_are_those_of_the_whole_track(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genre_batch.decode.fetch_window._WHOLE_BYTES_A_PIECE", 0)
    data = encode(chirp(24.0, RATE), RATE, encoding)
    storage = fetched(data, len(data) - 1, PIECES)
    requests = storage.fetches
    assert requests <= 5 + 2 * PIECES.pieces
    child = RangedFile(storage.read_range, len(data))
    found = decode_window(io.BufferedReader(child, 32_768), len(data), "a", PIECES)
    assert storage.fetches == requests
    whole = decode_window(io.BytesIO(data), len(data), "a", Window(length_s=100.0))
    spans = PIECES.spans_s("a", found.facts.duration_s)
    assert len(found.pieces) == len(spans) == PIECES.pieces
    assert found.facts.window_start_s == spans[0].start_s
    for span, piece in zip(spans, found.pieces, strict=True):
        start = round(span.start_s * RATE)
        assert len(piece) == RATE
        np.testing.assert_allclose(piece, whole.samples[start : start + RATE], atol=0.2 if encoding == "m4a" else 1e-6)


def test_a_file_with_little_between_the_pieces_is_fetched_whole() -> None:
    data = encode(chirp(24.0, RATE), RATE, "wav")
    many = Window(length_s=1.0, pieces=8)
    assert (fetched(data, 0, many).fetches, fetched(data, 0, many).fetched_bytes) == (1, len(data))
    assert fetched(4 * data, 0, PIECES).fetched_bytes < 4 * len(data)


@pytest.mark.parametrize("encoding", ["flac", "ogg"])
def test_pieces_that_have_to_be_searched_are_fetched_with_the_whole_file(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eight pieces of a FLAC file took twenty-one requests, which cost more than the bytes between them."""
    monkeypatch.setattr("genre_batch.decode.fetch_window._WHOLE_BYTES_A_PIECE", 0)
    sound = np.random.default_rng(3).uniform(-0.5, 0.5, (120 * RATE, 1)).astype(np.float32)
    data = encode(sound, RATE, encoding)
    whole, parts = fetched(data, len(data), PIECES), fetched(data, len(data) - 1, PIECES)
    assert whole.fetches <= 3
    assert whole.fetched_bytes == len(data)
    assert parts.fetches > 4
    assert parts.fetched_bytes < len(data)
