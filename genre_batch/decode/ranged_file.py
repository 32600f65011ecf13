"""A file whose bytes are fetched by ranges, as few requests as its reader's habits allow."""

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from genre_batch.storage.store import ReadFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK_BYTES = 64 * 1024
_FIRST_SPAN = 2
_LARGEST_SPAN = 16
_CACHED_BLOCKS = 512


def read_failure(source: BinaryIO) -> Exception | None:
    """The error that reading `source` has met, where it is a RangedFile or a buffer around one."""
    raw = getattr(source, "raw", source)
    return raw.failure if isinstance(raw, RangedFile) else None


class RangedFile(io.RawIOBase):
    """A seekable read-only file over `read(start, length) -> bytes` of an object of `size_bytes`.

    Fetches are whole blocks of 64 KiB: 128 KiB at a new place, then twice as much with each fetch that
    goes on where the last one ended, up to 1 MiB. The last 32 MiB that were fetched are kept, as `read`
    returned them. `fetched_bytes` and `fetches` count what was asked for. Wrap it in `io.BufferedReader`
    for readers that take a few bytes at a time.

    An error of `read` is raised to the caller and also kept in `failure`: native decoders cannot pass an
    exception on and report an early end of file instead. An answer of the wrong length is a ReadFailed.
    """

    def __init__(self, read: Callable[[int, int], bytes | memoryview], size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes
        self.fetched_bytes = 0
        self.fetches = 0
        self.failure: Exception | None = None
        self._read = read
        self._position = 0
        self._blocks: OrderedDict[int, memoryview] = OrderedDict()
        self._span = _FIRST_SPAN
        self._next_block = -1

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The current position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` from the start, the current position or the end; OSError before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise OSError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from the current position; fewer bytes only where the file ends."""
        target = memoryview(buffer).cast("B")
        wanted = max(0, min(len(target), self.size_bytes - self._position))
        done = 0
        while done < wanted:
            number, inside = divmod(self._position, _BLOCK_BYTES)
            piece = self._block(number)[inside : inside + wanted - done]
            target[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def _block(self, number: int) -> memoryview:
        if number not in self._blocks:
            self._fetch(number)
        return self._blocks[number]

    def _fetch(self, first: int) -> None:
        """Fetch blocks from `first` on, up to the next one that is here already, and cache them."""
        self._span = min(self._span * 2, _LARGEST_SPAN) if first == self._next_block else _FIRST_SPAN
        blocks_in_file = -(-self.size_bytes // _BLOCK_BYTES)
        end = first + 1
        while end < min(first + self._span, blocks_in_file) and end not in self._blocks:
            end += 1
        start = first * _BLOCK_BYTES
        data = memoryview(self._fetch_range(start, min(end * _BLOCK_BYTES, self.size_bytes) - start))
        for number in range(first, end):
            self._blocks[number] = data[(number - first) * _BLOCK_BYTES : (number - first + 1) * _BLOCK_BYTES]
        self._next_block = end
        while len(self._blocks) > _CACHED_BLOCKS:
            self._blocks.popitem(last=False)

    def _fetch_range(self, start: int, length: int) -> bytes | memoryview:
        try:
            data = self._read(start, length)
            if len(data) != length:
                raise ReadFailed(f"asked for {length} bytes at {start}, got {len(data)}")
        except Exception as error:
            self.failure = error
            raise
        self.fetches += 1
        self.fetched_bytes += length
        return data
