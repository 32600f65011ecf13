"""Reading FLAC through dr_flac, which must give the bits of libsndfile or nothing."""

import io

import numpy as np
import pytest
import soundfile
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.flac_decoder import HAS_DR_FLAC, FlacReader
from genre_batch.decode.soundfile_decoder import SoundfileReader
from genre_batch.decode.window import Window

FRAMES = 5 * 44_100
WINDOW = Window(length_s=4.0, min_offset_s=10, max_offset_s=10)

pytestmark = pytest.mark.skipif(not HAS_DR_FLAC, reason="miniaudio has no wheel here")


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(chirp(5.0), 44_100, "flac")


def encoded(subtype: str, channels: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, chirp(5.0, channels=channels), 44_100, format="FLAC", subtype=subtype)
    return buffer.getvalue()


def reason(data: bytes, frames: int = FRAMES) -> RejectReason:
    with pytest.raises(TrackRejected) as caught:
        FlacReader(io.BytesIO(data), frames).read(0, frames)
    return caught.value.reject.reason


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_bits_are_those_of_libsndfile(subtype: str, channels: int) -> None:
    data = encoded(subtype, channels)
    reader = FlacReader(io.BytesIO(data), FRAMES)
    assert (reader.sample_rate, reader.channels, reader.frames) == (44_100, channels, FRAMES)
    whole = SoundfileReader(io.BytesIO(data)).read(0, FRAMES)
    for start, count in ((0, FRAMES), (44_100, 50_000), (16_384, 16_384), (10, 20), (FRAMES, 5), (FRAMES - 7, 100)):
        np.testing.assert_array_equal(reader.read(start, count), whole[start : start + count])


@pytest.mark.parametrize("frames", [FRAMES - 1, FRAMES + 1, 4096, 10 * FRAMES])
def test_another_number_of_samples_than_there_should_be_is_corrupt(data: bytes, frames: int) -> None:
    assert reason(data, frames) is RejectReason.CORRUPT


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_frame_is_not_left_out_in_silence(data: bytes, share: float) -> None:
    damaged = bytearray(data)
    damaged[round(share * len(data))] ^= 0x55
    assert reason(bytes(damaged)) is RejectReason.CORRUPT


@pytest.mark.parametrize("data", [b"", b"fLaC", b"fLaC" + bytes(100), bytes(1000)])
def test_what_is_no_flac_is_corrupt(data: bytes) -> None:
    assert reason(data) is RejectReason.CORRUPT


def test_the_source_stays_open(data: bytes) -> None:
    source = io.BytesIO(data)
    FlacReader(source, FRAMES).close()
    assert not source.closed


@pytest.fixture(scope="module")
def large() -> bytes:
    return encode(chirp(20.0), 44_100, "flac")


def test_the_window_of_a_large_file_is_read_with_it(large: bytes) -> None:
    assert decode_window(io.BytesIO(large), len(large), "", WINDOW).decoder == "miniaudio"


def test_libsndfile_has_the_last_word_on_a_damaged_frame(large: bytes) -> None:
    damaged = bytearray(large)
    damaged[len(large) // 2 + 100_000] ^= 0x55
    with pytest.raises(TrackRejected, match="libsndfile"):
        decode_window(io.BytesIO(bytes(damaged)), len(large), "", WINDOW)


def test_without_dr_flac_libsndfile_gives_the_same(large: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = decode_window(io.BytesIO(large), len(large), "", WINDOW)
    monkeypatch.setattr("genre_batch.decode.decoder.HAS_DR_FLAC", False)
    found = decode_window(io.BytesIO(large), len(large), "", WINDOW)
    assert (found.decoder, found.window_start_s) == ("soundfile", wanted.window_start_s)
    np.testing.assert_array_equal(found.samples, wanted.samples)
