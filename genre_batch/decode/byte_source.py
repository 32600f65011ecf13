"""Positioned reads from a seekable file."""

from typing import BinaryIO, Protocol, runtime_checkable


@runtime_checkable
class Positioned(Protocol):
    """A file that can be read at any place without a seek."""

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes `start` to `start + length`, or to the end of the file."""


def read_at(source: BinaryIO, offset: int, length: int) -> bytes:
    """Up to `length` bytes from `offset` on; fewer only where the file ends.

    The buffer around a positioned file, which would read more than that, is passed by.
    """
    raw = getattr(source, "raw", source)
    if isinstance(raw, Positioned):
        return raw.read_range(offset, length)
    source.seek(offset)
    return source.read(length)
