"""How long an MPEG audio stream is."""

import io

import pytest
from audio_samples import bursts, chirp, encode

from genre_batch.decode.mp3_length import measure_mp3


def untagged(data: bytes) -> bytes:
    """Without the first frame, which holds the tag."""
    return data[data.index(data[:2], 4) :]


def test_a_tag_is_taken_at_its_word() -> None:
    data = encode(chirp(5.0), 44_100, "mp3_vbr")
    length = measure_mp3(io.BytesIO(data), len(data))
    assert length is not None
    assert length.frames is None
    assert length.tag is not None


def test_a_constant_rate_is_computed() -> None:
    data = encode(chirp(20.0), 44_100, "mp3_untagged")
    length = measure_mp3(io.BytesIO(data), len(data))
    assert length is not None
    assert length.constant_bitrate
    assert length.frames is not None
    assert length.frames / 44_100 == pytest.approx(20.0, abs=0.08)


def test_a_variable_rate_is_counted_frame_by_frame_across_damage() -> None:
    data = untagged(encode(bursts(40.0), 44_100, "mp3_vbr"))
    length = measure_mp3(io.BytesIO(data), len(data))
    assert length is not None
    assert not length.constant_bitrate
    assert length.frames is not None
    assert length.frames / 44_100 == pytest.approx(40.0, abs=0.08)
    damaged = data[:100_000] + bytes(5000) + data[105_000:]
    less = measure_mp3(io.BytesIO(damaged), len(damaged))
    assert less is not None
    assert less.frames is not None
    assert 0 < length.frames - less.frames < 44_100


def test_no_frame_is_none() -> None:
    assert measure_mp3(io.BytesIO(bytes(100)), 100) is None
