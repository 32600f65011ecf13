"""Lengths and windows of MPEG audio streams."""

import io
import random
import time
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from audio_samples import bursts, chirp, encode
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_format import Checked, Joined, Libav, Location
from genre_batch.decode.formats.mp3 import Mp3Stream, check_whole, locate
from genre_batch.decode.mpeg_frames import VbrTag, parse_header
from genre_batch.decode.window import Span


def untagged(data: bytes) -> bytes:
    """Without the first frame, which holds the tag."""
    return data[data.index(data[:2], 4) :]


@cache
def forty_seconds() -> bytes:
    return untagged(encode(bursts(40.0), 44_100, "mp3_vbr"))


def checked(data: bytes) -> Checked:
    return check_whole(io.BytesIO(data), len(data))


def counted_s(data: bytes) -> float:
    """The duration by counting frames, which is what the check does for variable rates without a tag."""
    found = checked(data)
    assert found.frames is not None
    (decoder,) = found.decoders
    if isinstance(decoder, Joined):
        (link,) = decoder.links
        (decoder,) = link.decoders
    assert isinstance(decoder, Libav)
    assert decoder.demuxer == "mp3"
    return found.frames / 44_100


def test_a_tag_is_believed() -> None:
    assert checked(encode(chirp(5.0), 44_100, "mp3_vbr")) == Checked()


def test_a_constant_rate_is_computed() -> None:
    found = checked(encode(chirp(20.0), 44_100, "mp3_untagged"))
    assert found.decoders == ()
    assert found.frames is not None
    assert found.frames / 44_100 == pytest.approx(20.0, abs=0.08)


def test_a_variable_rate_is_counted_frame_by_frame_across_damage() -> None:
    data = forty_seconds()
    whole_s = counted_s(data)
    assert whole_s == pytest.approx(40.0, abs=0.08)
    assert 0.0 < whole_s - counted_s(data[:100_000] + bytes(5000) + data[105_000:]) < 1.0


@pytest.mark.parametrize("at_end", [True, False], ids=["after", "between"])
@pytest.mark.parametrize("kind", ["picture", "zeros", "padding"])
def test_megabytes_without_frames_do_not_change_the_count(kind: str, at_end: bool) -> None:
    """Tags hold pictures, and players pad; at most a few frames nearby are lost or gained."""
    junk = {"picture": random.Random(1).randbytes(4 << 20), "zeros": bytes(4 << 20), "padding": b"\xff" * (200 << 10)}
    data = forty_seconds()
    at = len(data) if at_end else len(data) // 3
    assert counted_s(data[:at] + junk[kind] + data[at:]) == pytest.approx(40.0, abs=0.2)


def test_bytes_that_keep_looking_like_frames_are_skipped_in_time_proportional_to_their_number() -> None:
    data = forty_seconds()
    took_s = []
    for mebibytes in (1, 16):
        before_s = time.process_time()
        assert counted_s(data + b"\xff\xfb\x90\xc0" * (mebibytes << 18) + data) == pytest.approx(80.0, abs=0.4)
        took_s.append(time.process_time() - before_s)
    assert took_s[1] < 100 * took_s[0]


def test_a_stream_without_a_frame_is_corrupt() -> None:
    with pytest.raises(TrackRejected) as caught:
        checked(bytes(100))
    assert caught.value.reject.reason is RejectReason.CORRUPT


RATE = 44_100


def constant_stream(kind: int, bitrate: int, rate: int, count: int, padded: bool) -> tuple[bytes, list[int]]:
    """Empty frames of one bit rate, padded as encoders do to keep its mean, and where each begins."""
    data, places, due = b"", [], Fraction(0)
    for _ in range(count):
        plain = bytes([0xFF, kind, bitrate << 4 | rate << 2, 0])
        header = parse_header(plain)
        assert header is not None
        padding = padded and due - len(data) >= 1
        frame = bytes([plain[0], plain[1], plain[2] | 2 * padding, 0])
        places.append(len(data))
        data += frame.ljust(header.frame_bytes + padding, b"\0")
        due += Fraction(header.samples * header.bitrate_kbps * 125, header.sample_rate)
    return data, places


@given(st.sampled_from([0xFB, 0xF3, 0xE3]), st.integers(1, 14), st.integers(0, 2), st.integers(40, 120), st.booleans())
def test_frames_of_one_rate_are_where_arithmetic_says(
    kind: int, bitrate: int, rate: int, count: int, padded: bool
) -> None:
    data, places = constant_stream(kind, bitrate, rate, count, padded)
    header = parse_header(data)
    assert header is not None
    stream = Mp3Stream(header, 0, None, count * header.samples, constant=True, audio_bytes=len(data))
    for number, byte in enumerate(places):
        assert min(abs(byte - guess) for guess in stream.bytes_of(number)) <= 1


@given(st.lists(st.integers(1, 50), min_size=300, max_size=400), st.floats(0.01, 0.98))
def test_a_table_is_right_to_two_of_its_steps(sizes: list[int], part: float) -> None:
    ends = np.cumsum([0, *sizes])
    table = bytes(int(256 * ends[len(sizes) * percent // 100] // ends[-1]) for percent in range(100))
    header = parse_header(bytes.fromhex("fffb9000"))
    assert header is not None
    samples = len(sizes) * header.samples
    tag = VbrTag(len(sizes), int(ends[-1]), table=table)
    stream = Mp3Stream(header, 0, tag, samples, constant=False, audio_bytes=int(ends[-1]))
    frame = int(part * len(sizes))
    slack = ends[-1] / 256 + 2 * 50 * len(sizes) / 100 + 1
    assert abs(stream.bytes_of(frame)[0] - ends[frame]) <= slack


def located(data: bytes, start_s: float) -> Location | None:
    found = locate(io.BytesIO(data), len(data), lambda duration_s: [Span(start_s, 3.0)])
    return found[0] if found else None


@pytest.mark.parametrize("encoding", ["mp3", "mp3_untagged"])
def test_a_constant_rate_is_located_to_the_frame(encoding: str) -> None:
    data = encode(chirp(12.0, RATE), RATE, encoding)
    found = located(data, 6.0)
    assert found is not None
    assert found.splice is not None
    at, frame = 0, 0
    while at < found.part.start:
        header = parse_header(data, at)
        assert header is not None
        at, frame = at + header.frame_bytes, frame + 1
    assert at == found.part.start
    assert found.splice.omitted == 1152 * (frame - (encoding == "mp3"))
    assert found.splice.start <= 6.0 * RATE
    assert len(found.part) < 0.4 * len(data)


def test_another_rate_before_the_window_is_noticed() -> None:
    data = encode(chirp(12.0, RATE), RATE, "mp3_untagged")
    header = parse_header(data)
    assert header is not None
    assert located(data[:50_000] + bytes(100) + data[50_000:], 6.0) is None


def test_without_a_table_or_a_constant_rate_there_is_no_location() -> None:
    tagged = encode(bursts(20.0), RATE, "mp3_vbr")
    assert located(tagged, 10.0) is not None
    assert located(tagged[tagged.index(tagged[:2], 4) :], 10.0) is None
    early = located(tagged, 0.3)
    assert early is not None
    assert (early.part.start, early.splice) == (0, None)
    assert located(bytes(5000), 10.0) is None
