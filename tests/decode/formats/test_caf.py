"""The data chunk of CAF."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.audio_format import Checked
from genre_batch.decode.chunks import Chunk
from genre_batch.decode.formats.caf import check_whole, find_samples


def test_the_samples_and_their_length() -> None:
    data = encode(chirp(1.0), 44_100, "caf")
    at = data.index(b"data") + 12
    assert find_samples(io.BytesIO(data), len(data)) == Chunk(at, 4 + 44_100 * 4)
    assert check_whole(io.BytesIO(data), len(data)) == Checked()


@pytest.mark.parametrize("length", [b"\xff" * 8, b"\x7f" + b"\xff" * 7])
def test_a_placeholder_extends_to_the_end(length: bytes) -> None:
    data = encode(chirp(1.0), 44_100, "caf")
    at = data.index(b"data") + 4
    streamed = data[:at] + length + data[at + 8 :]
    assert find_samples(io.BytesIO(streamed), len(streamed)) == Chunk(at + 8, None)
    assert check_whole(io.BytesIO(streamed), len(streamed)).decoders
