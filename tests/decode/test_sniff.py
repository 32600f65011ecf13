"""Formats by their first bytes."""

import io
import random

import pytest
from audio_samples import ENCODINGS, chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.sniff import AudioFormat, Sniffed, id3v2_bytes, sniff, sniff_file

FORMATS = {
    **{name: AudioFormat.WAV for name in ENCODINGS if name.startswith("wav")},
    **dict.fromkeys(("mp3", "mp3_vbr", "mp3_untagged"), AudioFormat.MP3),
    **dict.fromkeys(("m4a", "alac", "fragmented_m4a"), AudioFormat.M4A),
    **dict.fromkeys(("flac", "flac_24"), AudioFormat.FLAC),
    "ogg": AudioFormat.OGG_VORBIS,
    "opus": AudioFormat.OGG_OPUS,
    **{name: AudioFormat(name) for name in ("rf64", "w64", "aiff", "au", "ogg_flac", "wma")},
}


def tag(body_bytes: int) -> bytes:
    size = bytes(body_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + bytes(body_bytes)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_knows_every_format_it_decodes(encoding: str) -> None:
    data = encode(chirp(1.0, 48_000), 48_000, encoding)
    assert sniff(data) is FORMATS[encoding]
    assert sniff_file(io.BytesIO(data), len(data)) == Sniffed(FORMATS[encoding], 0)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * 5000,
        b"#EXTM3U\nhttp://169.254.169.254/latest/\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD/>",
        b"<html><body>404",
        b"%PDF-1.7",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"FORM\x00\x00\x00\x00ILBM",
        b"\x1aE\xdf\xa3webm",
        b"OggS\x00\x02" + bytes(20) + b"\x01\x08Speex   ",
        b"ID3",
        b"\xff\xfb",
        b"\xff\xfe" + "text in UTF-16".encode("utf-16-le"),
    ],
)
def test_other_files_are_none(head: bytes) -> None:
    assert sniff(head) is None
    assert sniff_file(io.BytesIO(head), len(head)) is None


def test_noise_is_not_mpeg_audio() -> None:
    dice = random.Random(2)
    assert not [n for n in range(300) if sniff(dice.randbytes(16_384)) is not None]


@pytest.mark.parametrize("tags", [[0], [1000], [20_000], [3_000_000], [100, 5_000, 70_000]])
@pytest.mark.parametrize("encoding", ["mp3", "flac", "wav"])
def test_looks_behind_id3_tags_of_any_size(tags: list[int], encoding: str) -> None:
    audio = encode(chirp(0.5), 44_100, encoding)
    data = b"".join(tag(size) for size in tags) + audio
    assert sniff_file(io.BytesIO(data), len(data)) == Sniffed(FORMATS[encoding], len(data) - len(audio))


def test_finds_mpeg_frames_behind_padding() -> None:
    audio = encode(chirp(0.5), 44_100, "mp3")
    data = tag(50) + bytes(3000) + audio
    assert sniff_file(io.BytesIO(data), len(data)) == Sniffed(AudioFormat.MP3, len(data) - len(audio))


def test_a_tag_longer_than_the_file_means_it_was_cut() -> None:
    data = tag(100_000)[:5000]
    with pytest.raises(TrackRejected) as caught:
        sniff_file(io.BytesIO(data), len(data))
    assert caught.value.reject.reason is RejectReason.TRUNCATED


def test_endless_tags_are_given_up() -> None:
    data = tag(10) * 1000
    assert sniff_file(io.BytesIO(data), len(data)) is None


@pytest.mark.parametrize("head", [b"ID3\xff\x00\x00\x00\x00\x00\x01", b"ID3\x04\x00\x00\x80\x00\x00\x01", b"ID4"])
def test_a_malformed_tag_is_no_tag(head: bytes) -> None:
    assert id3v2_bytes(head) == 0


def test_a_footer_counts() -> None:
    assert id3v2_bytes(b"ID3\x04\x00\x10\x00\x00\x01\x00") == 10 + 128 + 10
