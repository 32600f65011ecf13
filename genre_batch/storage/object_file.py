"""One version of an object as a readable file, for libraries that take files."""

import io
from typing import TYPE_CHECKING

from genre_batch.storage.store import Store

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class ObjectFile(io.RawIOBase):
    """A seekable read-only file over ranged reads, pinned to the etag that the object has on opening.

    Each read is one request; wrap the file in `io.BufferedReader` for libraries that read in small pieces. Raises what
    `Store.head` and `Store.read` raise.
    """

    def __init__(self, store: Store, uri: str) -> None:
        super().__init__()
        self._store = store
        self._object = store.head(uri)
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` from the start, the current position or the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._object.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The current position."""
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from the current position, partly only at the end of the object."""
        target = memoryview(buffer).cast("B")
        length = min(len(target), max(0, self._object.size_bytes - self._position))
        if length == 0:
            return 0
        data = self._store.read(self._object.uri, etag=self._object.etag, start=self._position, length=length)
        target[: len(data)] = data
        self._position += len(data)
        return len(data)
