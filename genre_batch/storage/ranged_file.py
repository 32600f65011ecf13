"""A seekable file over ranged reads of an object, and how to read any file by position."""

import io
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from genre_batch.storage.store import ReadFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 32 * 1024
_MAX_FETCH_BLOCKS = 32
_CACHED_BLOCKS = 1024
_MAX_EXPECTED_BLOCKS = _CACHED_BLOCKS // 2


class SeekableFile(io.RawIOBase):
    """A read-only file of `size_bytes` with a position. Subclasses add `read_range`.

    failure: the error that reading has met so far, if any. Native decoders cannot pass an exception on and report an
    early end of file instead.
    """

    failure: Exception | None = None

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes
        self._position = 0

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes `start` to `start + length`, or to the end of the file. The position does not move."""
        raise NotImplementedError

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from the current position; fewer bytes only at the end of the file."""
        target = memoryview(buffer).cast("B")
        data = self.read_range(self._position, len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)

    def expect(self, start: int, end: int) -> None:
        """Note that the bytes `start` to `end` will be read. Does nothing unless a subclass can use the hint."""

    def is_in_memory(self) -> bool:
        """Whether reading any of it costs nothing. False unless a subclass knows better."""
        return False

    def report_progress(self) -> None:
        """Report that the reader is processing bytes it already has. Does nothing unless a subclass passes it on."""

    def readable(self) -> bool:
        """Always True."""
        return True

    def seekable(self) -> bool:
        """Always True."""
        return True

    def tell(self) -> int:
        """The current position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` from the start, the current position or the end. Raises OSError before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise OSError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position


def _unbuffered(source: BinaryIO) -> SeekableFile | None:
    """`source` without the buffer around it, if it is one of our files."""
    raw = getattr(source, "raw", source)
    return raw if isinstance(raw, SeekableFile) else None


def read_at(source: BinaryIO, offset: int, length: int) -> bytes:
    """Up to `length` bytes from `offset` on; fewer only at the end of the file.

    Bypasses the buffer around a SeekableFile, which would read more than that.
    """
    file = _unbuffered(source)
    if file is not None:
        return file.read_range(offset, length)
    if offset > sys.maxsize:  # forged headers say so, and files refuse to seek there
        return b""
    source.seek(offset)
    return source.read(length)


def expect(source: BinaryIO, start: int, end: int) -> None:
    """Announce that the bytes `start` to `end` of `source` will be read, if it can use the hint (see RangedFile)."""
    file = _unbuffered(source)
    if file is not None:
        file.expect(start, end)


def is_in_memory(source: BinaryIO) -> bool:
    """Whether `source` is one of our files, or a buffer around one, and has been fetched whole."""
    file = _unbuffered(source)
    return file is not None and file.is_in_memory()


def report_progress(source: BinaryIO) -> None:
    """Report that the reader of `source` makes progress without reading, if `source` passes that on."""
    file = _unbuffered(source)
    if file is not None:
        file.report_progress()


def read_failure(source: BinaryIO) -> Exception | None:
    """The error that occurred while reading `source`, if it is one of our files or a buffer around one."""
    file = _unbuffered(source)
    return file.failure if file is not None else None


class RangedFile(SeekableFile):
    """A seekable read-only file over `read(start, length) -> bytes` of an object of `size_bytes`.

    Fetches whole blocks of 32 KiB: those asked for, and up to as many as were fetched in sequence right before, but no
    more than `max_fetch_blocks` (1 MiB) at a time. A range announced with `expect` is fetched in as few pieces as that
    allows, from its start, and never past its end. Keeps the last 32 MiB, as `read` returned them. `fetched_bytes` and
    `fetches` count what was fetched. `on_progress` is called whenever the reader reports progress. Wrap the file in
    `io.BufferedReader` for readers that take a few bytes at a time.

    An error of `read` is raised to the caller and kept in `failure`. An answer of the wrong length is a ReadFailed.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes | memoryview],
        size_bytes: int,
        *,
        max_fetch_blocks: int = _MAX_FETCH_BLOCKS,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(size_bytes)
        self.fetched_bytes = 0
        self.fetches = 0
        self._read = read
        self._on_progress = on_progress
        self._blocks: OrderedDict[int, memoryview] = OrderedDict()
        self._max_fetch_blocks = max_fetch_blocks
        self._blocks_in_file = -(-size_bytes // BLOCK_BYTES)
        self._sequential_blocks = 0
        self._next_block = -1
        self._expected = range(0)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from the current position, block by block; fewer bytes only at the end of the file."""
        target = memoryview(buffer).cast("B")
        done = 0
        for piece in self._pieces(self._position, len(target)):
            target[done : done + len(piece)] = piece
            done += len(piece)
        self._position += done
        return done

    def read_range(self, start: int, length: int) -> bytes:
        """See SeekableFile. Raises ValueError for a negative `start`, and what `read` raises."""
        return b"".join(self._pieces(start, length))

    def expect(self, start: int, end: int) -> None:
        """Announce that the bytes `start` to `end` will be read. Fetches nothing yet, and replaces the last range."""
        first, last = max(0, start) // BLOCK_BYTES, -(-min(end, self.size_bytes) // BLOCK_BYTES)
        self._expected = range(first, min(last, first + _MAX_EXPECTED_BLOCKS))

    def load(self, start: int, end: int) -> None:
        """Fetch those of the bytes `start` to `end` that are not cached yet."""
        self.expect(start, end)
        for _ in self._pieces(start, end - start):
            pass

    def is_in_memory(self) -> bool:
        """Whether all blocks are cached."""
        return len(self._blocks) == self._blocks_in_file

    def report_progress(self) -> None:
        """Call `on_progress`."""
        self._on_progress()

    def _pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """The range, block by block."""
        if start < 0:
            raise ValueError(f"cannot read at {start}")
        end = min(start + length, self.size_bytes)
        while start < end:
            number, inside = divmod(start, BLOCK_BYTES)
            piece = self._block(number, -(-end // BLOCK_BYTES))[inside : inside + end - start]
            yield piece
            start += len(piece)

    def _block(self, number: int, wanted_end: int) -> memoryview:
        while number not in self._blocks:
            self._fetch(*self._blocks_to_fetch(number, wanted_end))
        return self._blocks[number]

    def _blocks_to_fetch(self, number: int, wanted_end: int) -> tuple[int, int]:
        """The first block and the end of the fetch that serves a read of the blocks `number` to `wanted_end`."""
        if number in self._expected:
            first = next(block for block in self._expected if block not in self._blocks)
            return first, self._end_of_gap(first, min(first + self._max_fetch_blocks, self._expected.stop))
        if number != self._next_block:
            self._sequential_blocks = 0
        count = min(max(1, self._sequential_blocks, wanted_end - number), self._max_fetch_blocks)
        return number, self._end_of_gap(number, min(number + count, self._blocks_in_file))

    def _end_of_gap(self, first: int, limit: int) -> int:
        """The next cached block after `first`, or `limit`."""
        return next((block for block in range(first + 1, limit) if block in self._blocks), limit)

    def _fetch(self, first: int, end: int) -> None:
        """Fetch the blocks `first` to `end` and cache them."""
        start = first * BLOCK_BYTES
        data = memoryview(self._fetch_range(start, min(end * BLOCK_BYTES, self.size_bytes) - start))
        for number in range(first, end):
            self._blocks[number] = data[(number - first) * BLOCK_BYTES : (number - first + 1) * BLOCK_BYTES]
        self._next_block = end
        self._sequential_blocks += 0 if first in self._expected else end - first
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
