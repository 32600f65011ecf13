"""How long an MPEG audio stream is."""

import io
import random
import time
from functools import cache

import pytest
from audio_samples import bursts, chirp, encode

from genre_batch.decode.mp3_length import measure_mp3


def untagged(data: bytes) -> bytes:
    """Without the first frame, which holds the tag."""
    return data[data.index(data[:2], 4) :]


@cache
def forty_seconds() -> bytes:
    return untagged(encode(bursts(40.0), 44_100, "mp3_vbr"))


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
    data = forty_seconds()
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


@pytest.mark.parametrize("at_end", [True, False], ids=["behind", "between"])
@pytest.mark.parametrize("kind", ["picture", "zeros", "filling"])
def test_megabytes_that_are_no_frames_do_not_change_the_count(kind: str, at_end: bool) -> None:
    """Tags hold pictures, and players pad; a few frames about the place are lost or gained at most."""
    junk = {"picture": random.Random(1).randbytes(4 << 20), "zeros": bytes(4 << 20), "filling": b"\xff" * (200 << 10)}
    data = forty_seconds()
    place = len(data) if at_end else len(data) // 3
    data = data[:place] + junk[kind] + data[place:]
    length = measure_mp3(io.BytesIO(data), len(data))
    assert length is not None
    assert not length.constant_bitrate
    assert length.frames is not None
    assert length.frames / 44_100 == pytest.approx(40.0, abs=0.2)


def test_bytes_that_keep_looking_like_frames_end_the_count() -> None:
    data = forty_seconds()
    hostile = data + b"\xff\xfb\x90\xc0" * (16 << 18) + data
    before_s = time.process_time()
    length = measure_mp3(io.BytesIO(hostile), len(hostile))
    assert time.process_time() - before_s < 3.0
    assert length is not None
    assert length.frames is not None
    assert length.frames / 44_100 == pytest.approx(40.0, abs=0.2)


def test_no_frame_is_none() -> None:
    assert measure_mp3(io.BytesIO(bytes(100)), 100) is None
