"""MPEG audio joined from several files, and with tags and padding behind and between its frames."""

import io
from functools import cache

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.mpeg_frames import parse_header
from genre_batch.decode.waveform import Waveform
from genre_batch.decode.window import Window

RATE = 44_100
COVER = np.random.default_rng(1).bytes(60_000)
APE = COVER + b"APETAGEX" + (2000).to_bytes(4, "little") + (60_032).to_bytes(4, "little") + bytes(16)
ID3V2 = b"ID3\4\0\0\0\3\x54\x60" + COVER
ID3V1 = b"TAG" + b"x" * 125
BEHIND = {"ape": APE, "ape_id3v1": APE + ID3V1, "id3v2": ID3V2, "zeros": bytes(80_000), "id3v1": ID3V1, "junk": COVER}


@cache
def coded(seconds: float, encoding: str, seed: int = 0) -> bytes:
    return encode(chirp(seconds, RATE, seed=seed), RATE, encoding)


def decoded(data: bytes) -> Waveform:
    return decode_window(io.BytesIO(data), len(data), "a", Window(length_s=1000.0))


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("encoding", ["mp3_untagged", "mp3", "mp3_vbr"])
def test_whatever_is_behind_the_frames_changes_nothing(encoding: str, behind: str) -> None:
    data = coded(12.0, encoding)
    clean, found = decoded(data), decoded(data + BEHIND[behind])
    assert found.facts.duration_s == pytest.approx(clean.facts.duration_s, abs=0.03)
    count = min(len(clean.samples), len(found.samples))
    assert np.corrcoef(clean.samples[:count], found.samples[:count])[0, 1] > 0.99


@pytest.mark.parametrize("between", [ID3V2, APE, bytes(5000)], ids=["id3v2", "ape", "zeros"])
@pytest.mark.parametrize("small_bytes", [1 << 20, 1000], ids=["small", "large"])
def test_whatever_is_between_the_frames_is_left_out(
    between: bytes, small_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genre_batch.decode.mpeg_length._SMALL_BYTES", small_bytes)
    monkeypatch.setattr("genre_batch.decode.audio_file.SMALL_BYTES", small_bytes)
    seconds = 12.0
    data = coded(seconds, "mp3_untagged")
    frame = 417 * (len(data) // 418 // 2)
    at = next(at for at in range(frame, len(data)) if parse_header(data, at) and parse_header(data, at + 417))
    assert decoded(data[:at] + between + data[at:]).facts.duration_s == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("lengths_s", [(3.0, 12.0), (12.0, 3.0), (0.5, 4.0, 9.0)])
@pytest.mark.parametrize("encoding", ["mp3", "mp3_vbr"])
def test_joined_files_are_one_track(encoding: str, lengths_s: tuple[float, ...]) -> None:
    data = b"".join(coded(seconds, encoding, seed) for seed, seconds in enumerate(lengths_s))
    found = decoded(data)
    assert found.facts.duration_s == pytest.approx(sum(lengths_s), abs=0.05)
    expected = np.concatenate([chirp(s, RATE, seed=seed) for seed, s in enumerate(lengths_s)]).mean(axis=1)
    count = min(len(expected), len(found.samples))
    assert np.corrcoef(found.samples[:count], expected[:count])[0, 1] > 0.98


def test_a_file_without_a_tag_joined_to_one_that_has_a_tag() -> None:
    data = coded(3.0, "mp3") + ID3V2 + coded(12.0, "mp3_untagged")
    assert decoded(data).facts.duration_s == pytest.approx(15.0, abs=0.1)


@pytest.mark.parametrize("frames", [5, 40, 100_000])
def test_a_tag_with_a_wrong_number_of_frames_is_not_believed(frames: int) -> None:
    data = bytearray(coded(12.0, "mp3"))
    at = next(data.find(name) for name in (b"Info", b"Xing") if name in data)
    data[at + 8 : at + 12] = frames.to_bytes(4, "big")
    assert decoded(bytes(data)).facts.duration_s == pytest.approx(12.0, abs=0.1)


def test_half_a_file_with_a_tag_is_truncated() -> None:
    data = coded(12.0, "mp3")
    with pytest.raises(TrackRejected) as caught:
        decoded(data[: len(data) // 2])
    assert caught.value.reject.reason is RejectReason.TRUNCATED
