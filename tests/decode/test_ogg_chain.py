"""Whether a large file is chained, by a few reads."""

import io

import pytest
from audio_samples import bursts, chirp, encode
from oracle.own_bytes import with_serial

from genre_batch.decode.ogg_chain import may_be_chained
from genre_batch.storage.ranged_file import RangedFile


@pytest.fixture(scope="module")
def song() -> bytes:
    return with_serial(encode(chirp(60.0, 48_000), 48_000, "ogg"), 5)


def chained(data: bytes) -> tuple[bool, float]:
    """The answer, and the share of the file that it took to read."""
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    return may_be_chained(io.BufferedReader(file), len(data)), file.fetched_bytes / len(data)


@pytest.mark.parametrize("seconds", [1.0, 20.0, 60.0])
@pytest.mark.parametrize("first", [True, False])
def test_a_second_stream_of_the_same_serial_is_found(song: bytes, seconds: float, first: bool) -> None:
    other = with_serial(encode(chirp(seconds, 48_000, seed=1), 48_000, "ogg"), 5)
    assert chained(other + song if first else song + other)[0]


@pytest.mark.parametrize("encoding", ["ogg", "opus"])
def test_a_short_first_stream_is_found(encoding: str) -> None:
    song = with_serial(encode(chirp(60.0, 48_000, seed=1), 48_000, encoding), 5)
    for seconds in (6.0, 12.0):
        assert chained(with_serial(encode(chirp(seconds, 48_000), 48_000, encoding), 5) + song)[0]


def test_all_pages_of_a_file_in_memory_are_looked_at(song: bytes) -> None:
    short = with_serial(encode(chirp(0.3, 48_000), 48_000, "ogg"), 5)
    for data, answer in ((song, False), (short + song, True), (song + short, True)):
        file = RangedFile(lambda start, length, data=data: data[start : start + length], len(data))  # type: ignore[misc]
        file.load(0, len(data))
        fetches = file.fetches
        assert may_be_chained(io.BufferedReader(file), len(data)) is answer
        assert file.fetches == fetches


def test_another_serial_is_found_in_the_tail(song: bytes) -> None:
    assert chained(song + with_serial(song, 6))[0]


@pytest.mark.parametrize("encoding", ["ogg", "opus"])
def test_one_stream_is_not_chained(encoding: str) -> None:
    for sound in (chirp(60.0, 48_000), bursts(60.0, 48_000)):
        answer, share = chained(encode(sound, 48_000, encoding))
        assert not answer
        assert share < 0.6


def test_the_head_and_the_tail_suffice_for_one_stream(song: bytes) -> None:
    file = RangedFile(lambda start, length: song[start : start + length], len(song))
    assert not may_be_chained(io.BufferedReader(file), len(song))
    assert file.fetches == 2
