"""Windows of real files in every format."""

import io
import struct

import numpy as np
import pytest
from audio_samples import ENCODINGS, LOSSLESS, Sound, bursts, chirp, encode

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Waveform
from genre_batch.decode.window import Window
from genre_batch.storage.ranged_file import RangedFile
from genre_batch.storage.store import ReadFailed

RATE = 48_000
SECONDS = 12.0
WHOLE = Window(length_s=1000.0)
PART = Window(length_s=3.0, min_offset_s=6, max_offset_s=6)
DELAY = {"fragmented_m4a": 1024, "wma": -2048, "mp3_untagged": 1105, "adts": 1024, "ac3": 256, "eac3": 256}
"""Samples by which a track of this encoding begins late, since the file does not declare its encoder's delay."""
CUT_UNNOTICED = frozenset({"fragmented_m4a", "mp3_untagged", "adts", "ac3", "eac3"})
"""Nothing in the remaining part of these says how long they should be."""


@pytest.fixture(scope="module")
def sound() -> Sound:
    return chirp(SECONDS, RATE)


@pytest.fixture(scope="module")
def files(sound: Sound) -> dict[str, bytes]:
    return {encoding: encode(sound, RATE, encoding) for encoding in ENCODINGS}


def decode(data: bytes, window: Window = WHOLE) -> Waveform:
    return decode_window(io.BytesIO(data), len(data), "a track", window)


def reason(data: bytes, window: Window = WHOLE) -> RejectReason:
    with pytest.raises(TrackRejected) as caught:
        decode(data, window)
    assert caught.value.reject.stage is RejectStage.DECODE
    assert caught.value.reject.message
    return caught.value.reject.reason


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_whole_track_is_what_was_encoded(files: dict[str, bytes], sound: Sound, encoding: str) -> None:
    waveform = decode(files[encoding])
    assert (waveform.sample_rate, waveform.facts.window_start_s) == (RATE, 0.0)
    assert waveform.samples.dtype == np.float32
    assert waveform.facts.duration_s == pytest.approx(SECONDS, abs=0.06)
    assert len(waveform.samples) == pytest.approx(SECONDS * RATE, abs=0.06 * RATE)
    wanted, got = aligned(sound.mean(axis=1), waveform.samples, DELAY.get(encoding, 0))
    tolerance = 1e-4 if encoding in LOSSLESS else 0.03
    assert np.sqrt(np.mean((got - wanted) ** 2)) < tolerance


def aligned(wanted: Sound, got: Sound, delay: int) -> tuple[Sound, Sound]:
    """Both from the start of `wanted`, without the ends, where encoders fade."""
    first, second = wanted[max(0, -delay) :], got[max(0, delay) :]
    count = min(len(first), len(second)) - 4096
    return first[:count], second[:count]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_window_is_the_same_slice_of_the_whole(files: dict[str, bytes], encoding: str) -> None:
    whole, part = decode(files[encoding]), decode(files[encoding], PART)
    assert part.facts.window_start_s == 6.0
    assert len(part.samples) == 3 * RATE
    assert part.facts.duration_s == whole.facts.duration_s
    error = part.samples - whole.samples[6 * RATE : 9 * RATE]
    if encoding in ("ac3", "eac3"):  # these decoders add noise, which differs from run to run
        assert np.abs(error).max() < 0.03
    elif encoding in ("m4a", "fragmented_m4a", "adts"):  # AAC decoders synthesise noise, which differs from run to run
        assert np.mean(np.abs(error) < 1e-5) > 0.95
        assert np.abs(error).max() < 0.02
    else:
        assert np.abs(error).max() < 1e-6


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_last_window_is_whole(files: dict[str, bytes], encoding: str) -> None:
    late = decode(files[encoding], Window(length_s=3.0, min_offset_s=100, max_offset_s=100))
    assert late.facts.window_start_s == pytest.approx(SECONDS - 3.0, abs=0.06)
    assert len(late.samples) == pytest.approx(3 * RATE, abs=0.06 * RATE)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("encoding", ["wav", "flac", "wav_float"])
def test_channels_are_averaged(channels: int, encoding: str) -> None:
    sound = chirp(2.0, 22_050, channels)
    waveform = decode(encode(sound, 22_050, encoding))
    np.testing.assert_allclose(waveform.samples, sound.mean(axis=1), atol=1e-4)


@pytest.mark.parametrize("encoding", ["mp3", "mp3_vbr", "mp3_untagged", "ogg", "m4a", "opus", "wma", "alac"])
def test_mono_files(encoding: str) -> None:
    sound = chirp(SECONDS, RATE, 1)
    part, whole = (decode(encode(sound, RATE, encoding), window) for window in (PART, WHOLE))
    np.testing.assert_allclose(part.samples, whole.samples[6 * RATE : 9 * RATE], atol=1e-6)


@pytest.mark.parametrize("encoding", ["wav", "flac", "mp3", "mp3_untagged"])
def test_tags_before_the_audio_do_not_matter(files: dict[str, bytes], encoding: str) -> None:
    tag = b"ID3\x04\x00\x00\x00\x12\x34\x56" + bytes(0x12 << 14 | 0x34 << 7 | 0x56)
    np.testing.assert_array_equal(decode(tag + files[encoding], PART).samples, decode(files[encoding], PART).samples)


def test_mp3_of_variable_rate_without_a_tag_has_the_right_length_and_window() -> None:
    tagged = encode(bursts(40.0), 44_100, "mp3_vbr")
    first_frame = tagged[4:].index(tagged[:2]) + 4
    bare = tagged[first_frame:]
    window = Window(length_s=5.0, min_offset_s=25, max_offset_s=25)
    waveform = decode(bare, window)
    assert waveform.facts.duration_s == pytest.approx(40.0, abs=0.08)
    whole = decode(bare, WHOLE).samples
    np.testing.assert_allclose(waveform.samples, whole[25 * 44_100 : 30 * 44_100], atol=1e-5)
    loud = np.abs(decode(bare, Window(length_s=1.0, min_offset_s=12, max_offset_s=12)).samples).mean()
    quiet = np.abs(decode(bare, Window(length_s=1.0, min_offset_s=35, max_offset_s=35)).samples).mean()
    assert loud > 20 * quiet


def test_only_what_is_needed_is_read(files: dict[str, bytes]) -> None:
    data = encode(chirp(240.0, 44_100, 2), 44_100, "wav")
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    decode_window(io.BufferedReader(file), len(data), "a", Window(length_s=5.0))
    assert file.fetched_bytes < 5 * 44_100 * 4 + (2 << 20)
    assert file.fetches < 12


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("encoding", ["wav", "flac", "mp3", "ogg", "m4a", "opus"])
def test_a_failed_read_is_not_taken_for_a_bad_file(files: dict[str, bytes], encoding: str) -> None:
    data = files[encoding]
    for failing_from in (0, 70_000, len(data) // 2):

        def read(start: int, length: int, limit: int = failing_from) -> bytes:
            if start + length > limit:
                raise ReadFailed("line cut")
            return data[start : start + length]

        source = io.BufferedReader(RangedFile(read, len(data)))
        with pytest.raises(ReadFailed, match="line cut"):
            decode_window(source, len(data), "a", WHOLE)


def test_an_empty_file() -> None:
    assert reason(b"") is RejectReason.EMPTY


@pytest.mark.parametrize("data", [b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile x.wav\n", bytes(100)])
def test_other_files_are_unsupported(data: bytes) -> None:
    assert reason(data) is RejectReason.UNSUPPORTED


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name not in CUT_UNNOTICED])
@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_half_a_file_is_truncated(files: dict[str, bytes], encoding: str, part: float) -> None:
    data = files[encoding][: int(len(files[encoding]) * part)]
    wanted = {RejectReason.TRUNCATED, RejectReason.CORRUPT} if encoding in ("m4a", "alac") else {RejectReason.TRUNCATED}
    assert reason(data) in wanted
    assert reason(data, Window(length_s=1.0, min_offset_s=1, max_offset_s=1)) in wanted


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_below_a_second_is_too_short(encoding: str) -> None:
    assert reason(encode(chirp(0.5, RATE), RATE, encoding)) is RejectReason.TOO_SHORT


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(value: float) -> None:
    sound = chirp(2.0)
    sound[50_000, 1] = value
    assert reason(encode(sound, 44_100, "wav_float")) is RejectReason.NOT_FINITE


@pytest.mark.parametrize("placeholder", [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000])
def test_a_streamed_wav_is_read_to_its_end(files: dict[str, bytes], placeholder: int) -> None:
    data = bytearray(files["wav"])
    data[4:8] = data[40:44] = struct.pack("<I", placeholder)
    assert bytes(data[36:40]) == b"data"
    streamed = decode(bytes(data), PART)
    assert streamed.facts.duration_s == pytest.approx(SECONDS, abs=0.01)
    np.testing.assert_allclose(streamed.samples, decode(files["wav"], PART).samples, atol=1e-6)


def test_a_streamed_au_and_a_flac_without_length(files: dict[str, bytes]) -> None:
    au = bytearray(files["au"])
    au[8:12] = b"\xff" * 4
    assert decode(bytes(au)).facts.duration_s == pytest.approx(SECONDS)
    flac = bytearray(files["flac"])
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    assert decode(bytes(flac)).facts.duration_s == pytest.approx(SECONDS)
    np.testing.assert_array_equal(decode(bytes(flac), PART).samples, decode(files["flac"], PART).samples)


def test_a_forged_length_takes_no_memory(files: dict[str, bytes]) -> None:
    flac = bytearray(files["flac"])
    flac[21] |= 0x0F
    flac[22:26] = b"\xff" * 4
    assert reason(bytes(flac)) is RejectReason.TRUNCATED
    flac[-100_000:] = bytes(100_000)
    assert reason(bytes(flac)) is RejectReason.TOO_LONG


@pytest.mark.parametrize("rate", [0, 1, 3_999, 768_001, 2**31])
def test_absurd_sample_rates_are_corrupt(files: dict[str, bytes], rate: int) -> None:
    data = bytearray(files["wav"])
    data[24:28] = struct.pack("<I", rate)
    assert reason(bytes(data)) in (RejectReason.CORRUPT, RejectReason.TOO_LONG)


@pytest.mark.parametrize("encoding", ["flac", "mp3", "m4a"])
def test_garbage_in_the_window_is_corrupt(files: dict[str, bytes], encoding: str) -> None:
    data = bytearray(files[encoding])
    middle = len(data) // 2
    data[middle : middle + 20_000] = np.random.default_rng(0).bytes(20_000)
    assert reason(bytes(data)) is RejectReason.CORRUPT


def huge_wav(sample_rate: int) -> tuple[RangedFile, int]:
    """A mono file of 2 GiB of a tone, whose bytes are made when they are read."""
    data_bytes = 0x7FFF_0000
    header = encode(chirp(0.1, sample_rate, 1), sample_rate, "wav")[:40] + struct.pack("<I", data_bytes)
    size = len(header) + data_bytes
    return RangedFile(
        lambda start, length: (header[start:] + b"\x10\x32\x54\x76" * (length // 4 + 1))[:length], size
    ), size


def test_of_a_file_of_hours_only_the_window_is_read() -> None:
    file, size = huge_wav(44_100)
    waveform = decode_window(io.BufferedReader(file), size, "a", Window(length_s=1.0))
    assert waveform.facts.duration_s > 6 * 3600
    assert file.fetched_bytes < 1 << 20


def test_more_than_a_day_is_too_long() -> None:
    file, size = huge_wav(8_000)
    with pytest.raises(TrackRejected, match="86400") as caught:
        decode_window(io.BufferedReader(file), size, "a", Window())
    assert caught.value.reject.reason is RejectReason.TOO_LONG


def test_a_file_with_a_few_bytes_missing_is_scored(files: dict[str, bytes]) -> None:
    assert decode(files["wav"][:-100]).facts.duration_s == pytest.approx(SECONDS, abs=0.01)
