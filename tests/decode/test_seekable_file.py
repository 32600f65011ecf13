"""Positions in a file, as Python's own files have them."""

import io

import pytest

from genre_batch.decode.seekable_file import SeekableFile


@pytest.mark.parametrize(
    ("offset", "whence"), [(3, io.SEEK_SET), (2, io.SEEK_CUR), (-4, io.SEEK_END), (9, io.SEEK_END)]
)
def test_it_seeks_like_a_file_in_memory(offset: int, whence: int) -> None:
    ours, theirs = SeekableFile(10), io.BytesIO(bytes(10))
    for file in (ours, theirs):
        file.seek(1)
    assert ours.seek(offset, whence) == theirs.seek(offset, whence) == ours.tell()
    assert ours.readable()
    assert ours.seekable()


def test_there_is_nothing_before_the_start() -> None:
    file = SeekableFile(10)
    file.seek(4)
    with pytest.raises(OSError, match="cannot seek to -1"):
        file.seek(-5, io.SEEK_CUR)
    assert file.tell() == 4
