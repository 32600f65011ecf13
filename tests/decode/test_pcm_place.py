"""Where the window of uncompressed files is."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.pcm_place import place_aiff, place_wav
from genre_batch.decode.place import Place

RATE = 44_100


def place(data: bytes, encoding: str) -> Place | None:
    find = place_aiff if encoding == "aiff" else place_wav
    return find(io.BytesIO(data), len(data), lambda duration_s: (duration_s / 2, duration_s / 2 + 1.0))


@pytest.mark.parametrize("encoding", ["wav", "wav_24", "wav_float", "wav_ulaw", "rf64", "aiff", "wav_ms_adpcm"])
def test_a_second_in_the_middle(encoding: str) -> None:
    data = encode(chirp(10.0, RATE), RATE, encoding)
    found = place(data, encoding)
    assert found is not None
    bytes_per_s = len(data) / 10
    assert 0.46 * len(data) < found.part.start < len(data) / 2
    assert len(data) / 2 + bytes_per_s < found.part.end < len(data) / 2 + 1.5 * bytes_per_s + 65_536
    assert found.splice is None


@pytest.mark.parametrize("encoding", ["wav", "aiff"])
def test_headers_without_sense_have_no_place(encoding: str) -> None:
    data = encode(chirp(1.0, RATE), RATE, encoding)
    assert place(data[:30], encoding) is None
    assert place(data[:12] + bytes(40), encoding) is None
    assert place(data[:20] + bytes(16) + data[36:], encoding) is None
