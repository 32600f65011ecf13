"""Sony Wave64 files."""

import io

from audio_samples import chirp, encode

from genre_batch.decode.formats.w64 import find_samples


def test_finds_the_samples() -> None:
    data = encode(chirp(1.0), 44_100, "w64")
    chunk = find_samples(io.BytesIO(data), len(data))
    assert chunk is not None
    assert chunk.declared_bytes == 44_100 * 2 * 2
    assert chunk.offset + chunk.declared_bytes == len(data)
    assert find_samples(io.BytesIO(data[:11]), 11) is None


def test_nothing_is_found_after_a_chunk_of_absurd_length() -> None:
    data = bytearray(encode(chirp(1.0), 44_100, "w64"))
    data[56:64] = b"\xff" * 8  # the size of the first chunk, which has the format
    assert find_samples(io.BytesIO(data), len(data)) is None
