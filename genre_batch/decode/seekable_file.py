"""The position in a read-only file, which all files of our own have in common."""

import io


class SeekableFile(io.RawIOBase):
    """A file of `size_bytes` that is read from `_position` on; who derives from it adds `readinto` and `read_range`."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes
        self._position = 0

    def read_range(self, start: int, length: int) -> bytes:
        """The bytes `start` to `start + length`, or to the end of the file; the current position stays."""
        raise NotImplementedError

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
