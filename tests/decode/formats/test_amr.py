"""AMR, counted frame by frame."""

import io

import pytest
from audio_samples import chirp
from oracle.encoders import Av, encode_sound

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_file import open_audio
from genre_batch.decode.audio_format import Checked

WIDE = b"#!AMR-WB\n" + (b"\x04" + bytes(range(1, 18))) * 150


@pytest.fixture(scope="module")
def narrow() -> bytes:
    return encode_sound(Av("amr", "libopencore_amrnb", 12), 8_000, chirp(3.0, 8_000, 1))


def checked(data: bytes) -> Checked:
    audio = open_audio(io.BytesIO(data), len(data))
    assert audio is not None
    return audio.check_whole()


def test_frames_are_counted(narrow: bytes) -> None:
    assert checked(narrow).frames == pytest.approx(24_000, abs=320)
    assert checked(WIDE).frames == 48_000


def test_a_cut_file_counts_as_what_remains(narrow: bytes) -> None:
    found = checked(narrow[: len(narrow) // 2])
    assert found.frames == pytest.approx(12_000, abs=320)
    assert found.decoders


def test_a_header_alone_is_corrupt() -> None:
    with pytest.raises(TrackRejected) as caught:
        checked(b"#!AMR\n")
    assert caught.value.reject.reason is RejectReason.CORRUPT
