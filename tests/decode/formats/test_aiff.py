"""AIFF files."""

import io

from audio_samples import chirp, encode

from genre_batch.decode.audio_format import Location
from genre_batch.decode.formats.aiff import find_samples, locate
from genre_batch.decode.window import Span

RATE = 44_100


def test_finds_the_samples() -> None:
    data = encode(chirp(1.0), RATE, "aiff")
    chunk = find_samples(io.BytesIO(data), len(data))
    assert chunk is not None
    assert chunk.declared_bytes == RATE * 2 * 2 + 8  # with its offset and block size
    assert chunk.offset + chunk.declared_bytes == len(data)
    assert find_samples(io.BytesIO(data[:11]), 11) is None


def located(data: bytes) -> Location | None:
    found = locate(io.BytesIO(data), len(data), lambda duration_s: [Span(duration_s / 2, 1.0)])
    return found[0] if found else None


def test_locates_a_second_in_the_middle() -> None:
    data = encode(chirp(10.0, RATE), RATE, "aiff")
    found = located(data)
    assert found is not None
    bytes_per_s = len(data) / 10
    assert 0.46 * len(data) < found.part.start < len(data) / 2
    assert len(data) / 2 + bytes_per_s < found.part.end < len(data) / 2 + 1.5 * bytes_per_s + 65_536
    assert found.splice is None


def test_headers_that_make_no_sense_have_no_location() -> None:
    data = encode(chirp(1.0, RATE), RATE, "aiff")
    assert located(data) is not None
    assert located(data[:30]) is None
    assert located(data[:12] + bytes(40)) is None
    assert located(data[:20] + bytes(16) + data[36:]) is None
