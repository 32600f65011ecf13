"""Positioned reads from a seekable file."""

from typing import BinaryIO

from genre_batch.decode.seekable_file import SeekableFile


def read_at(source: BinaryIO, offset: int, length: int) -> bytes:
    """Up to `length` bytes from `offset` on; fewer only where the file ends.

    The buffer around a SeekableFile, which would read more than that, is passed by.
    """
    raw = getattr(source, "raw", source)
    if isinstance(raw, SeekableFile):
        return raw.read_range(offset, length)
    source.seek(offset)
    return source.read(length)
