"""A file composed of parts of another one and of literal bytes."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from genre_batch.storage.ranged_file import SeekableFile, expect, read_at, report_progress

_BUFFER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes of a file from `start` up to, but not including, `end`."""

    start: int
    end: int

    def __len__(self) -> int:
        return max(0, self.end - self.start)


class SplicedFile(SeekableFile):
    """A seekable read-only file: the `pieces` in order, each a part of `source` or literal bytes.

    Decoders read it as if nothing lay between the parts. Wrap it in `io.BufferedReader` for readers that take a few
    bytes at a time. `source` stays open.
    """

    def __init__(self, source: BinaryIO, pieces: Sequence[ByteRange | bytes]) -> None:
        self.source = source
        self._pieces = [piece for piece in pieces if len(piece)]
        self._starts = [0, *accumulate(len(piece) for piece in self._pieces)]
        super().__init__(self._starts[-1])

    def read_range(self, start: int, length: int) -> bytes:
        """See SeekableFile. Raises what reading `source` raises."""
        end = min(start + length, self._starts[-1])
        number = bisect_right(self._starts, start) - 1
        found = []
        while start < end:
            wanted = min(end, self._starts[number + 1]) - start
            found.append(self._read_piece(self._pieces[number], start - self._starts[number], wanted))
            if len(found[-1]) < wanted:  # a part that extends past the end of `source`
                break
            start, number = start + wanted, number + 1
        return b"".join(found)

    def _read_piece(self, piece: ByteRange | bytes, inside: int, length: int) -> bytes:
        if isinstance(piece, ByteRange):
            return read_at(self.source, piece.start + inside, length)
        return piece[inside : inside + length]

    def expect(self, start: int, end: int) -> None:
        """Pass the announcement on to `source`, for files of a single part."""
        piece = self._pieces[0] if len(self._pieces) == 1 else None
        if isinstance(piece, ByteRange):
            expect(self.source, piece.start + start, min(piece.end, piece.start + end))

    def report_progress(self) -> None:
        """Pass the report on to `source`."""
        report_progress(self.source)


def splice(source: BinaryIO, pieces: Sequence[ByteRange | bytes]) -> BinaryIO:
    """The `pieces` of `source` as one buffered file."""
    return io.BufferedReader(SplicedFile(source, pieces), _BUFFER_BYTES)


def skip_prefix(source: BinaryIO, offset: int, size_bytes: int) -> BinaryIO:
    """The file `source` as if it began at `offset`; `source` itself if that is 0."""
    return source if offset == 0 else splice(source, [ByteRange(offset, size_bytes)])
