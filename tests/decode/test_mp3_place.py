"""Where the frames of an MP3 file are."""

import io
from fractions import Fraction

import numpy as np
import pytest
from audio_samples import bursts, chirp, encode
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.decode.mp3_place import Mp3Stream, place_mp3
from genre_batch.decode.mpeg_audio import VbrTag, parse_header
from genre_batch.decode.place import Place

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
    places = bytes(int(256 * ends[len(sizes) * percent // 100] // ends[-1]) for percent in range(100))
    header = parse_header(bytes.fromhex("fffb9000"))
    assert header is not None
    samples = len(sizes) * header.samples
    tag = VbrTag(len(sizes), int(ends[-1]), places=places)
    stream = Mp3Stream(header, 0, tag, samples, constant=False, audio_bytes=int(ends[-1]))
    frame = int(part * len(sizes))
    slack = ends[-1] / 256 + 2 * 50 * len(sizes) / 100 + 1
    assert abs(stream.bytes_of(frame)[0] - ends[frame]) <= slack


def place(data: bytes, start_s: float) -> Place | None:
    return place_mp3(io.BytesIO(data), len(data), lambda duration_s: (start_s, start_s + 3.0))


@pytest.mark.parametrize("encoding", ["mp3", "mp3_untagged"])
def test_a_constant_rate_is_placed_to_the_frame(encoding: str) -> None:
    data = encode(chirp(12.0, RATE), RATE, encoding)
    found = place(data, 6.0)
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
    assert place(data[:50_000] + bytes(100) + data[50_000:], 6.0) is None


def test_without_a_table_or_a_constant_rate_there_is_no_place() -> None:
    tagged = encode(bursts(20.0), RATE, "mp3_vbr")
    assert place(tagged, 10.0) is not None
    assert place(tagged[tagged.index(tagged[:2], 4) :], 10.0) is None
    early = place(tagged, 0.3)
    assert early is not None
    assert (early.part.start, early.splice) == (0, None)
    assert place(bytes(5000), 10.0) is None
