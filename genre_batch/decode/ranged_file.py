"""A file whose bytes are fetched by ranges, as few requests as its reader's habits allow."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from genre_batch.decode.seekable_file import SeekableFile
from genre_batch.storage.store import ReadFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 32 * 1024
_LARGEST_SPAN = 32
_CACHED_BLOCKS = 1024
_MOST_EXPECTED = _CACHED_BLOCKS // 2


def read_failure(source: BinaryIO) -> Exception | None:
    """The error that reading `source` has met, where it is a RangedFile or a buffer around one."""
    raw = getattr(source, "raw", source)
    return raw.failure if isinstance(raw, RangedFile) else None


def expect(source: BinaryIO, start: int, end: int) -> None:
    """Tell `source`, where it can be told, that its bytes `start` to `end` are going to be read."""
    raw = getattr(source, "raw", source)
    if hasattr(raw, "expect"):
        raw.expect(start, end)


def tell_alive(source: BinaryIO) -> None:
    """Tell `source`, where it can be told, that its reader works on with the bytes it has."""
    raw = getattr(source, "raw", source)
    if hasattr(raw, "tell_alive"):
        raw.tell_alive()


class RangedFile(SeekableFile):
    """A seekable read-only file over `read(start, length) -> bytes` of an object of `size_bytes`.

    Fetches are whole blocks of 32 KiB: what is asked for, and as much as was fetched unannounced right before it, up to
    `largest_blocks` (1 MiB). What `expect` has announced is fetched in as few pieces as that allows, from its start on,
    and no further than its end. The last 32 MiB that were fetched are kept, as `read` returned them. `fetched_bytes`
    and `fetches` count what was asked for. `tell_alive` passes on that its reader is at work. Wrap it in
    `io.BufferedReader` for readers that take a few bytes at a time.

    An error of `read` is raised to the caller and also kept in `failure`: native decoders cannot pass an
    exception on and report an early end of file instead. An answer of the wrong length is a ReadFailed.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes | memoryview],
        size_bytes: int,
        *,
        largest_blocks: int = _LARGEST_SPAN,
        tell_alive: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(size_bytes)
        self.fetched_bytes = 0
        self.fetches = 0
        self.failure: Exception | None = None
        self.tell_alive = tell_alive
        self._read = read
        self._blocks: OrderedDict[int, memoryview] = OrderedDict()
        self._largest_blocks = largest_blocks
        self._blocks_in_file = -(-size_bytes // BLOCK_BYTES)
        self._run = 0
        self._next_block = -1
        self._expected = range(0)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from the current position; fewer bytes only where the file ends."""
        target = memoryview(buffer).cast("B")
        done = 0
        for piece in self._pieces(self._position, len(target)):
            target[done : done + len(piece)] = piece
            done += len(piece)
        self._position += done
        return done

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes `start` to `start + length`, or to the end of the file; the current position stays."""
        return b"".join(self._pieces(start, length))

    def expect(self, start: int, end: int) -> None:
        """Announce that the bytes `start` to `end` are going to be read: nothing is fetched before that."""
        first, last = max(0, start) // BLOCK_BYTES, -(-min(end, self.size_bytes) // BLOCK_BYTES)
        self._expected = range(first, min(last, first + _MOST_EXPECTED))

    def load(self, start: int, end: int) -> None:
        """Fetch what of the bytes `start` to `end` is not here yet."""
        self.expect(start, end)
        for _ in self._pieces(start, end - start):
            pass

    def _pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """What makes up the range, block by block."""
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
            self._fetch(*self._span_for(number, wanted_end))
        return self._blocks[number]

    def _span_for(self, number: int, wanted_end: int) -> tuple[int, int]:
        """The blocks to fetch, first and end, when those from `number` to `wanted_end` are asked for."""
        if number in self._expected:
            first = next(block for block in self._expected if block not in self._blocks)
            return first, self._end_of_gap(first, min(first + self._largest_blocks, self._expected.stop))
        if number != self._next_block:
            self._run = 0
        span = min(max(1, self._run, wanted_end - number), self._largest_blocks)
        return number, self._end_of_gap(number, min(number + span, self._blocks_in_file))

    def _end_of_gap(self, first: int, limit: int) -> int:
        """The next block behind `first` that is here already, or `limit`."""
        return next((block for block in range(first + 1, limit) if block in self._blocks), limit)

    def _fetch(self, first: int, end: int) -> None:
        """Fetch the blocks `first` to `end` and cache them."""
        start = first * BLOCK_BYTES
        data = memoryview(self._fetch_range(start, min(end * BLOCK_BYTES, self.size_bytes) - start))
        for number in range(first, end):
            self._blocks[number] = data[(number - first) * BLOCK_BYTES : (number - first + 1) * BLOCK_BYTES]
        self._next_block = end
        self._run += 0 if first in self._expected else end - first
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
