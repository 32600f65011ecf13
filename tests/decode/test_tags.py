"""Lengths of tags in front of and behind audio."""

import io

import pytest

from genre_batch.decode.tags import before_tags, id3v2_bytes, plain_id3v2_bytes
from genre_batch.storage.ranged_file import RangedFile

ID3V1 = b"TAG" + bytes(125)
APE = b"x" * 500 + b"APETAGEX" + (2000).to_bytes(4, "little") + (532).to_bytes(4, "little") + bytes(16)
APE_WITH_HEADER = bytes(32) + APE[:-9] + b"\x80" + bytes(8)
LYRICS = b"LYRICSBEGIN" + b"a" * 300 + b"000311" + b"LYRICS200"
OLD_LYRICS = b"LYRICSBEGIN" + b"la " * 100 + b"LYRICSEND"
ID3V24 = b"ID3\4\0\x10\0\0\2\0" + b"x" * 256 + b"3DI\4\0\x10\0\0\2\0"
TAGS = (ID3V1, APE, APE_WITH_HEADER, LYRICS, OLD_LYRICS, ID3V24, bytes(70_000), APE + ID3V1, ID3V1 + bytes(9000))


@pytest.mark.parametrize("number", range(len(TAGS)))
def test_the_audio_ends_before_the_tags(number: int) -> None:
    data = b"\x55" * 20_000 + TAGS[number]
    assert before_tags(io.BytesIO(data), len(data)) == 20_000


def test_audio_without_tags_ends_with_the_file() -> None:
    assert before_tags(io.BytesIO(b"\x55" * 900), 900) == 900


@pytest.mark.parametrize("data", [b"", bytes(100), ID3V1, b"APETAGEX" * 9, b"999999LYRICS200"])
def test_odd_files_have_an_end(data: bytes) -> None:
    assert 0 <= before_tags(io.BytesIO(data), len(data)) <= len(data)


@pytest.mark.parametrize("head", [b"ID3\xff\x00\x00\x00\x00\x00\x01", b"ID3\x04\x00\x00\x80\x00\x00\x01", b"ID4"])
def test_a_malformed_tag_is_no_tag(head: bytes) -> None:
    assert id3v2_bytes(head) == 0


def test_a_footer_counts() -> None:
    assert id3v2_bytes(b"ID3\x04\x00\x10\x00\x00\x01\x00") == 10 + 128 + 10


def test_a_length_of_whole_bytes() -> None:
    assert plain_id3v2_bytes(b"ID3\x04\x00\x00\x00\x00\x80\x01") == 10 + 0x8001


def test_audio_without_tags_takes_one_read() -> None:
    file = RangedFile(lambda start, length: b"\x55" * length, 1_000_000)
    assert before_tags(io.BufferedReader(file), 1_000_000) == 1_000_000
    assert file.fetches == 1
    assert file.fetched_bytes <= 64 * 1024
