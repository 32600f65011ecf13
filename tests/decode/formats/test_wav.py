"""WAV and RF64 files."""

import io
import struct

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.decode.audio_format import Location
from genre_batch.decode.chunks import Chunk
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.formats.wav import find_samples, locate
from genre_batch.decode.waveform import Waveform
from genre_batch.decode.window import Span, Window
from genre_batch.storage.ranged_file import RangedFile

RATE = 44_100
SAMPLE_BYTES = RATE * 2 * 2


@pytest.mark.parametrize("encoding", ["wav", "rf64"])
def test_finds_the_samples(encoding: str) -> None:
    data = encode(chirp(1.0), RATE, encoding)
    assert find_samples(io.BytesIO(data), len(data)) == Chunk(len(data) - SAMPLE_BYTES, SAMPLE_BYTES)
    assert find_samples(io.BytesIO(data[:11]), 11) is None


def test_big_endian_files_are_read() -> None:
    wav = b"RIFX" + bytes(4) + b"WAVE" + b"data" + struct.pack(">I", 6)
    assert find_samples(io.BytesIO(wav), len(wav)) == Chunk(20, 6)


PLACEHOLDERS = (0, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_F000)


@pytest.mark.parametrize("encoding", ["wav", "wav_24", "wav_ulaw", "wav_alaw", "wav_adpcm", "wav_ms_adpcm", "rf64"])
@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_for_the_length_changes_nothing(encoding: str, placeholder: int) -> None:
    data = encode(chirp(4.0), RATE, encoding)
    streamed = bytearray(data)
    at = data.index(b"data") + 4
    streamed[at : at + 4] = placeholder.to_bytes(4, "little")
    if encoding == "rf64":
        streamed[at : at + 4] = b"\xff" * 4
        streamed[28:36] = bytes(8)
    expected, found = decoded(data), decoded(bytes(streamed))
    assert found.facts.duration_s == pytest.approx(expected.facts.duration_s, abs=0.05)
    count = len(expected.samples)
    np.testing.assert_array_equal(found.samples[:count], expected.samples[:count])


def test_bw64_is_rf64_by_another_name() -> None:
    data = encode(chirp(4.0), RATE, "rf64")
    np.testing.assert_array_equal(decoded(b"BW64" + data[4:]).samples, decoded(data).samples)


def test_a_length_that_has_wrapped_at_4_gib() -> None:
    head = bytearray(encode(chirp(2.0, 96_000), 96_000, "wav_24"))
    size, start_s = (1 << 32) + 100_000_000, 20
    length = (size - 44) % (1 << 32)
    head[40:44] = length.to_bytes(4, "little")
    sound = bytes(head[44:])
    byte = 44 + start_s * 96_000 * 6

    def read(start: int, count: int) -> bytes:
        data = bytearray(count)
        for at, content in ((0, head[:44]), (byte, sound)):
            first, last = max(start, at), min(start + count, at + len(content))
            if first < last:
                data[first - start : last - start] = content[first - at : last - at]
        return bytes(data)

    window = Window(length_s=2.0, min_offset_s=start_s, max_offset_s=start_s)
    file = RangedFile(read, size)
    found = decode_window(io.BufferedReader(file), size, "a", window)
    assert found.facts.duration_s == pytest.approx((size - 44) / 576_000, abs=0.01)
    np.testing.assert_allclose(found.samples, chirp(2.0, 96_000).mean(axis=1), atol=1e-5)


def decoded(data: bytes) -> Waveform:
    return decode_window(io.BytesIO(data), len(data), "a", Window(length_s=1000.0))


def located(data: bytes) -> Location | None:
    found = locate(io.BytesIO(data), len(data), lambda duration_s: [Span(duration_s / 2, 1.0)])
    return found[0] if found else None


@pytest.mark.parametrize("encoding", ["wav", "wav_24", "wav_float", "wav_ulaw", "rf64", "wav_ms_adpcm"])
def test_locates_a_second_in_the_middle(encoding: str) -> None:
    data = encode(chirp(10.0, RATE), RATE, encoding)
    found = located(data)
    assert found is not None
    bytes_per_s = len(data) / 10
    assert 0.46 * len(data) < found.part.start < len(data) / 2
    assert len(data) / 2 + bytes_per_s < found.part.end < len(data) / 2 + 1.5 * bytes_per_s + 65_536
    assert found.splice is None


def test_headers_that_make_no_sense_have_no_location() -> None:
    data = encode(chirp(1.0, RATE), RATE, "wav")
    assert located(data) is not None
    assert located(data[:30]) is None
    assert located(data[:12] + bytes(40)) is None
    assert located(data[:20] + bytes(16) + data[36:]) is None
