"""A file made of parts of another one, and of bytes of its own."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.ranged_file import expect, tell_alive
from genre_batch.decode.seekable_file import SeekableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes `start` to `end` (not with it) of a file."""

    start: int
    end: int

    def __len__(self) -> int:
        return max(0, self.end - self.start)


class SplicedFile(SeekableFile):
    """A seekable read-only file: `pieces` one after the other, each a part of `source` or bytes that stand for one.

    Decoders read it as if what lies between the parts did not exist. Wrap it in `io.BufferedReader` for readers that
    take a few bytes at a time. `source` stays open.
    """

    def __init__(self, source: BinaryIO, pieces: Sequence[Part | bytes]) -> None:
        self.source = source
        self._pieces = [piece for piece in pieces if len(piece)]
        self._starts = [0, *accumulate(len(piece) for piece in self._pieces)]
        super().__init__(self._starts[-1])

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from the current position; fewer bytes only where the file ends."""
        target = memoryview(buffer).cast("B")
        data = self.read_range(self._position, len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes `start` to `start + length`, or to the end of the file; the current position stays."""
        end = min(start + length, self._starts[-1])
        number = bisect_right(self._starts, start) - 1
        found = []
        while start < end:
            inside = start - self._starts[number]
            found.append(self._read_piece(self._pieces[number], inside, end - start))
            if not found[-1]:
                break
            start, number = start + len(found[-1]), number + 1
        return b"".join(found)

    def _read_piece(self, piece: Part | bytes, inside: int, length: int) -> bytes:
        if isinstance(piece, Part):
            return read_at(self.source, piece.start + inside, min(length, len(piece) - inside))
        return piece[inside : inside + length]

    def expect(self, start: int, end: int) -> None:
        """See `RangedFile.expect`; for files of one part."""
        piece = self._pieces[0] if len(self._pieces) == 1 else None
        if isinstance(piece, Part):
            expect(self.source, piece.start + start, min(piece.end, piece.start + end))

    def tell_alive(self) -> None:
        """See `ranged_file.tell_alive`."""
        tell_alive(self.source)


def splice(source: BinaryIO, pieces: Sequence[Part | bytes]) -> BinaryIO:
    """The `pieces` of `source` as one file, buffered."""
    return io.BufferedReader(SplicedFile(source, pieces), _BUFFER_BYTES)


def skip_prefix(source: BinaryIO, offset: int, size_bytes: int) -> BinaryIO:
    """The file `source` as if it began at `offset`; `source` itself where that is 0."""
    return source if offset == 0 else splice(source, [Part(offset, size_bytes)])
