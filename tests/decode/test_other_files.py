"""The names of formats that are not supported."""

import pytest
from audio_samples import chirp
from oracle.encoders import Av, encode_sound

from genre_batch.decode.other_files import what_else


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"MThd\0\0\0\x06", "MIDI"),
        (b"tBaK", "TAK"),
        (b"OggS\0\x02" + bytes(22) + b"Speex   1.2", "Speex in Ogg"),
        (b"OggS\0\x02" + bytes(22), "an unknown codec in Ogg"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "AppleDouble"),
        (b"  <html>", "HTML"),
        (b"PK\x03\x04", "ZIP"),
    ],
)
def test_known_beginnings_are_named(head: bytes, name: str) -> None:
    assert name in what_else(head)


@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        (Av("mpegts", "aac"), "MPEG transport stream"),
        (Av("latm", "aac"), "AAC in LOAS"),
        (Av("flv", "aac"), "Flash"),
        (Av("voc", "pcm_u8"), "Creative Voice"),
        (Av("nut", "aac"), "NUT"),
    ],
)
def test_files_of_libav_are_named(encoder: Av, name: str) -> None:
    assert name in what_else(encode_sound(encoder, 44_100, chirp(1.0)))


@pytest.mark.parametrize("head", [b"", b"\0" * 100, b"what is this"])
def test_anything_else_is_not(head: bytes) -> None:
    assert what_else(head) == "the first bytes are not those of a supported audio format"
