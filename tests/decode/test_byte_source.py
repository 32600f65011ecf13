"""Positioned reads."""

import io

from genre_batch.decode.byte_source import read_at, skip_prefix


def test_reads_where_it_is_told_to() -> None:
    source = io.BytesIO(b"0123456789")
    assert read_at(source, 3, 4) == b"3456"
    assert read_at(source, 8, 4) == b"89"
    assert read_at(source, 20, 4) == b""


def test_a_prefix_is_hidden() -> None:
    source = io.BytesIO(b"0123456789")
    rest = skip_prefix(source, 3, 10)
    assert rest.read() == b"3456789"
    assert rest.seek(-2, io.SEEK_END) == 5
    assert rest.read(1) == b"8"
    assert skip_prefix(source, 0, 10) is source
