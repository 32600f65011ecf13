"""Positioned reads from a seekable file."""

import io
from typing import BinaryIO

from genre_batch.decode.ranged_file import RangedFile


def read_at(source: BinaryIO, offset: int, length: int) -> bytes:
    """Up to `length` bytes from `offset` on; fewer only where the file ends."""
    source.seek(offset)
    return source.read(length)


def skip_prefix(source: BinaryIO, offset: int, size_bytes: int) -> BinaryIO:
    """The file `source` as if it began at `offset`; `source` itself where that is 0."""
    if offset == 0:
        return source
    rest = RangedFile(lambda start, length: read_at(source, offset + start, length), size_bytes - offset)
    return io.BufferedReader(rest)
