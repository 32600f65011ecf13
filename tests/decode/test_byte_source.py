"""Positioned reads."""

import io

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.ranged_file import BLOCK_BYTES, RangedFile


def test_reads_where_it_is_told_to() -> None:
    source = io.BytesIO(b"0123456789")
    assert read_at(source, 3, 4) == b"3456"
    assert read_at(source, 8, 4) == b"89"
    assert read_at(source, 20, 4) == b""


def test_a_buffer_around_a_ranged_file_adds_nothing() -> None:
    data = bytes(10 * BLOCK_BYTES)
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    assert read_at(io.BufferedReader(file, 4 * BLOCK_BYTES), BLOCK_BYTES, 10) == bytes(10)
    assert file.fetched_bytes == BLOCK_BYTES
