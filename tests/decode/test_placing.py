"""The window by way of its place, against the file decoded from its start."""

import io
import random
from functools import partial

import numpy as np
import pytest
from audio_samples import bursts, chirp, encode

from genre_batch.catalog.reject import TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.placing import SMALL_BYTES, place_window
from genre_batch.decode.prefetch import prefetch
from genre_batch.decode.ranged_file import RangedFile
from genre_batch.decode.sniff import AudioFormat, sniff
from genre_batch.decode.window import Window

RATE = 48_000
SMALL = 100_000
SECONDS = 24.0
PART = Window(length_s=4.0, min_offset_s=15, max_offset_s=15)
LATE = Window(length_s=4.0, min_offset_s=100, max_offset_s=100)
EARLY = Window(length_s=4.0, min_offset_s=0, max_offset_s=0)
ENCODINGS = ["mp3", "mp3_untagged", "flac", "wav", "aiff", "ogg", "opus", "m4a"]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    sound = chirp(SECONDS, RATE)
    found = {encoding: encode(sound, RATE, encoding) for encoding in ENCODINGS}
    assert min(map(len, found.values())) > SMALL
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 24 s count as long ones, so that there is less to encode."""
    for module in ("placing", "prefetch"):
        monkeypatch.setattr(f"genre_batch.decode.{module}.SMALL_BYTES", SMALL)


def ranged(data: bytes) -> RangedFile:
    return RangedFile(lambda start, length: data[start : start + length], len(data), largest_blocks=1024)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("window", [PART, LATE, EARLY])
@pytest.mark.parametrize("prefix", [0, 300_001])
def test_the_same_samples_of_few_bytes(files: dict[str, bytes], encoding: str, window: Window, prefix: int) -> None:
    tag = b"ID3\x04\0\0" + bytes(prefix >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(prefix)
    data = (tag if prefix and encoding in ("mp3", "flac") else b"") + files[encoding]
    file = ranged(data)
    part = decode_window(io.BufferedReader(file), len(data), "a", window)
    whole = decode_window(io.BytesIO(data), len(data), "a", Window(length_s=1000.0))
    start = round(part.window_start_s * RATE)
    wanted = whole.samples[start : start + len(part.samples)]
    assert part.duration_s == whole.duration_s
    assert np.mean(np.abs(part.samples - wanted) < 1e-5) > (0.95 if encoding == "m4a" else 0.9999)
    assert file.fetched_bytes < 0.75 * len(data)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("window", [PART, LATE, EARLY])
def test_what_is_fetched_ahead_is_all_that_is_asked_for(files: dict[str, bytes], encoding: str, window: Window) -> None:
    data = files[encoding]
    storage = ranged(data)
    prefetch(storage, "a", window, whole_bytes=len(data))
    requests = storage.fetches
    assert requests <= 5
    child = RangedFile(storage.read_range, len(data))
    decode_window(io.BufferedReader(child, 32_768), len(data), "a", window)
    assert storage.fetches <= requests + (window is not PART)
    assert storage.fetched_bytes < 0.75 * len(data)


@pytest.mark.usefixtures("small")
def test_a_table_of_an_mp3_file_is_right_to_a_fraction_of_a_second() -> None:
    data = encode(bursts(24.0) + chirp(24.0, noise=0.05), 44_100, "mp3_vbr")
    assert len(data) > SMALL
    part = decode_window(io.BytesIO(data), len(data), "a", PART)
    wide = decode_window(io.BytesIO(data), len(data), "a", Window(length_s=1000.0)).samples[14 * 44_100 : 20 * 44_100]
    errors = [np.abs(wide[at : at + 2048] - part.samples[:2048]).max() for at in range(2 * 44_100)]
    assert min(errors) < 1e-5
    assert abs(int(np.argmin(errors)) - 44_100) < 0.2 * 44_100


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_damage_is_told_as_without_a_place_unless_it_is_before_the_window(
    files: dict[str, bytes], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(encoding)
    for _ in range(6):
        data = bytearray(files[encoding])
        head, at = dice.randrange(200), dice.randrange(len(data))
        data[head] ^= dice.randrange(256)
        data[at : at + 3000] = dice.randbytes(3000)
        data = data[: dice.choice([len(data), len(data) // 2, len(data) - 1000])]
        placed = outcome(bytes(data))
        with monkeypatch.context() as patch:
            patch.setattr("genre_batch.decode.placing.SMALL_BYTES", len(data))
            plain = outcome(bytes(data))
        assert placed == plain or (placed == "samples" and at + 3000 < 0.7 * len(data))


def outcome(data: bytes) -> str:
    try:
        decode_window(io.BytesIO(data), len(data), "a", PART)
    except TrackRejected as rejected:
        return rejected.reject.reason
    return "samples"


@pytest.mark.parametrize("audio_format", AudioFormat)
def test_random_bytes_and_small_files_have_no_place(audio_format: AudioFormat) -> None:
    span = partial(PART.span_s, "a")
    noise = random.Random(1).randbytes(SMALL_BYTES + 1)
    assert place_window(io.BytesIO(noise), len(noise), audio_format, span) is None
    small = encode(chirp(5.0), 44_100, "wav")
    found = sniff(small)
    assert found is not None
    assert place_window(io.BytesIO(small), len(small), found, span) is None
