"""Stream info and frame headers of FLAC files."""

import io

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.decode.flac_frames import last_sample, read_stream_info


def reached(data: bytes) -> int | None:
    info = read_stream_info(io.BytesIO(data))
    assert info is not None
    return last_sample(io.BytesIO(data), len(data), info)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("encoding", ["flac", "flac_24"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_last_frame_reaches_the_declared_end(rate: int, encoding: str, channels: int) -> None:
    data = encode(chirp(3.123, rate, channels), rate, encoding)
    info = read_stream_info(io.BytesIO(data))
    assert info is not None
    assert (info.sample_rate, info.total_samples) == (rate, round(3.123 * rate))
    assert reached(data) == info.total_samples


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_a_cut_file_reaches_less(part: float) -> None:
    data = encode(chirp(10.0), 44_100, "flac")
    end = reached(data[: int(len(data) * part)])
    assert end == pytest.approx(part * 441_000, abs=3 * 4096)


def test_many_frames_need_longer_numbers() -> None:
    data = encode(np.zeros((44_100 * 300, 1), np.float32), 44_100, "flac")
    assert reached(data) == 44_100 * 300


def test_a_tail_without_frames_says_nothing() -> None:
    data = encode(chirp(1.0), 44_100, "flac")
    assert reached(data + bytes(200_000)) is None
    assert reached(data + b"TAG" + bytes(125)) == 44_100


@pytest.mark.parametrize("data", [b"fLaC", b"fLaC\x84\x00\x00\x10" + bytes(16), b"fLaC" + b"\x01\x00\x00\x00" * 5000])
def test_senseless_metadata_is_none(data: bytes) -> None:
    assert read_stream_info(io.BytesIO(data)) is None
