"""Headers against bytes, format by format."""

import io

import pytest
from audio_samples import ENCODINGS, bursts, chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.container import Container, check_container
from genre_batch.decode.sniff import AudioFormat, sniff


def check(data: bytes) -> Container:
    found = sniff(data)
    assert found is not None
    return check_container(io.BytesIO(data), len(data), found)


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "mp3_untagged"])
def test_whole_files_pass_without_remarks(encoding: str) -> None:
    frames = 2 * 48_000 if encoding in ("flac", "flac_24") else None
    assert check(encode(chirp(2.0, 48_000), 48_000, encoding)) == Container(frames=frames)


def test_untagged_mp3_files_are_measured() -> None:
    constant = check(encode(chirp(5.0), 44_100, "mp3_untagged"))
    assert constant.frames == pytest.approx(5.0 * 44_100, abs=3_000)
    assert not constant.needs_av
    tagged = encode(bursts(20.0), 44_100, "mp3_vbr")
    variable = check(tagged[tagged.index(tagged[:2], 4) :])
    assert variable.frames == pytest.approx(20.0 * 44_100, abs=3_000)
    assert variable.needs_av


@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.AIFF, AudioFormat.FLAC, AudioFormat.MP3])
def test_a_header_without_content_is_corrupt(audio_format: AudioFormat) -> None:
    with pytest.raises(TrackRejected) as caught:
        check_container(io.BytesIO(bytes(40)), 40, audio_format)
    assert caught.value.reject.reason is RejectReason.CORRUPT


def test_a_wav_that_declares_no_samples_but_has_some_is_left_to_libav() -> None:
    data = bytearray(encode(chirp(1.0), 44_100, "wav"))
    data[40:44] = bytes(4)
    assert check(bytes(data)).needs_av
    assert not check(bytes(data[:44])).needs_av
