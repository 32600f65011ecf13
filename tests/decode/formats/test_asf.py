"""The declared size of WMA files."""

import io

from audio_samples import chirp, encode

from genre_batch.decode.formats.asf import declared_file_bytes


def test_the_declared_size_is_the_size() -> None:
    data = encode(chirp(3.0), 44_100, "wma")
    assert declared_file_bytes(io.BytesIO(data)) == len(data)
    assert declared_file_bytes(io.BytesIO(data[: len(data) // 2])) == len(data)


def test_a_stream_declares_nothing() -> None:
    data = bytearray(encode(chirp(1.0), 44_100, "wma"))
    properties = data.index(bytes.fromhex("A1DCAB8C47A9CF11"))
    data[properties + 88] |= 1
    assert declared_file_bytes(io.BytesIO(data)) is None


def test_no_properties() -> None:
    assert declared_file_bytes(io.BytesIO(bytes(1000))) is None
