"""Whole FLAC frames through dr_flac."""

import io

import numpy as np
import pytest
import soundfile
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode import dr_flac_decoder
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.dr_flac_decoder import DrFlacReader
from genre_batch.decode.soundfile_decoder import SoundfileReader
from genre_batch.decode.window import Window

FRAMES = 5 * 44_100
WINDOW = Window(length_s=4.0, min_offset_s=10, max_offset_s=10)

pytestmark = pytest.mark.skipif(dr_flac_decoder.miniaudio is None, reason="miniaudio has no wheel here")


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(5.0), 44_100, "flac")


def encoded(subtype: str, channels: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, chirp(5.0, channels=channels), 44_100, format="FLAC", subtype=subtype)
    return buffer.getvalue()


def reason(data: bytes, frames: int = FRAMES) -> RejectReason:
    with pytest.raises(TrackRejected) as caught:
        DrFlacReader(io.BytesIO(data), frames).read(0, frames)
    return caught.value.reject.reason


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_bits_are_those_of_libsndfile(subtype: str, channels: int) -> None:
    data = encoded(subtype, channels)
    reader = DrFlacReader(io.BytesIO(data), FRAMES)
    assert (reader.sample_rate, reader.channels, reader.frames) == (44_100, channels, FRAMES)
    whole = SoundfileReader(io.BytesIO(data)).read(0, FRAMES)
    for start, count in ((0, FRAMES), (44_100, 50_000), (16_384, 16_384), (10, 20), (FRAMES, 5), (FRAMES - 7, 100)):
        np.testing.assert_array_equal(reader.read(start, count), whole[start : start + count])


@pytest.mark.parametrize("frames", [FRAMES - 1, FRAMES + 1, 4096, 10 * FRAMES])
def test_the_wrong_number_of_samples_is_corrupt(data: bytes, frames: int) -> None:
    assert reason(data, frames) is RejectReason.CORRUPT


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_frame_is_not_left_out_silently(data: bytes, share: float) -> None:
    damaged = bytearray(data)
    damaged[round(share * len(data))] ^= 0x55
    assert reason(bytes(damaged)) is RejectReason.CORRUPT


@pytest.mark.parametrize("data", [b"", b"fLaC", b"fLaC" + bytes(100), bytes(1000)])
def test_other_files_are_corrupt(data: bytes) -> None:
    assert reason(data) is RejectReason.CORRUPT


def test_the_source_stays_open(data: bytes) -> None:
    source = io.BytesIO(data)
    DrFlacReader(source, FRAMES).close()
    assert not source.closed


@pytest.fixture(scope="module")
def large() -> bytes:
    return encode(chirp(20.0), 44_100, "flac")


def test_it_decodes_the_window_of_a_large_file(large: bytes) -> None:
    assert decode_window(io.BytesIO(large), len(large), "", WINDOW).facts.decoder == "miniaudio"


def test_libsndfile_has_the_last_word_on_a_damaged_frame(large: bytes) -> None:
    damaged = bytearray(large)
    damaged[len(large) // 2 + 100_000] ^= 0x55
    with pytest.raises(TrackRejected, match="libsndfile"):
        decode_window(io.BytesIO(bytes(damaged)), len(large), "", WINDOW)


def test_without_dr_flac_libsndfile_gives_the_same(large: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = decode_window(io.BytesIO(large), len(large), "", WINDOW)
    monkeypatch.setattr(dr_flac_decoder, "miniaudio", None)
    found = decode_window(io.BytesIO(large), len(large), "", WINDOW)
    assert (found.facts.decoder, found.facts.window_start_s) == ("soundfile", wanted.facts.window_start_s)
    np.testing.assert_array_equal(found.samples, wanted.samples)
