"""Local files as a store: whole-file writes, versions by etag, conditional writes under a lock.

The etag of a file of up to 64 KiB is a hash of its content. That of a larger file consists of its size, modification
time (ns) and inode number, so that listing a catalog does not read it. A change in place that keeps the size goes
undetected only within one tick of the file system's clock (a few ms); our own writes always change the etag.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from genre_batch.storage.local_tree import files_below, folders_in
from genre_batch.storage.store import (
    AccessDenied,
    ObjectChanged,
    ObjectGone,
    ObjectPage,
    ReadFailed,
    StoredObject,
    WriteFailed,
    seconds_in_utc,
)
from genre_batch.storage.uri import local_path, local_uri
from genre_batch.storage.whole_file import locked, put, put_new

_HASHED_BYTES = 64 * 1024
_PAGE_OBJECTS = 1000
_NO_SUCH_PATH = {errno.ENAMETOOLONG, errno.ELOOP}


class LocalStore:
    """Implements `Store` for absolute and relative paths and `file://` URIs."""

    def folders(self, prefix: str, *, scan: int | None = None) -> list[str]:  # noqa: ARG002 (one cheap scan here)
        """See `Store.folders`."""
        return sorted(local_uri(path) for path in folders_in(_folder_path(prefix)))

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """See `Store.list`."""
        for path in files_below(_folder_path(prefix)):
            uri = local_uri(path)
            if uri > after:
                with suppress(ObjectGone):
                    yield _listed(uri, path)

    def pages(self, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """See `Store.pages`."""
        objects = self.list(prefix, after=after)
        while page := list(islice(objects, _PAGE_OBJECTS)):
            modified = [seconds_in_utc(o.modified_at) for o in page]
            yield ObjectPage([o.uri for o in page], [o.etag for o in page], [o.size_bytes for o in page], modified)

    def head(self, uri: str) -> StoredObject:
        """See `Store.head`."""
        with _open_file(uri) as file:
            facts = os.fstat(file)
            return StoredObject(uri, _etag(file, facts), facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.read`. Checks the version before and after reading the bytes."""
        with _open_file(uri) as file:
            if etag is None:
                return _pread(file, start, length)
            small = os.fstat(file).st_size <= _HASHED_BYTES
            whole = _pread(file, 0, _HASHED_BYTES + 1) if small else b""
            before = _content_etag(whole) if small else _etag(file, os.fstat(file))
            data = whole[start:][:length] if small else _pread(file, start, length)
            after = before if small else _etag(file, os.fstat(file))
        if not before == after == etag:
            raise ObjectChanged(f"{uri!r} has changed since it was listed.")
        return data

    def write(self, uri: str, data: bytes) -> None:
        """See `Store.write`."""
        target = _target(uri)
        with _writing(uri), locked(target):
            put(target, data)

    def create(self, uri: str, data: bytes) -> bool:
        """See `Store.create`."""
        target = _target(uri)
        with _writing(uri):
            return put_new(target, data)

    def replace(self, uri: str, data: bytes, etag: str) -> bool:
        """See `Store.replace`."""
        target = _target(uri)
        with _writing(uri), locked(target):
            try:
                if self.head(uri).etag != etag:
                    return False
            except ObjectGone:
                return False
            put(target, data)
            return True

    def delete(self, uri: str) -> None:
        """See `Store.delete`."""
        target = _target(uri)
        with _writing(uri):
            if target.parent.is_dir():
                with locked(target):
                    target.unlink(missing_ok=True)


def _folder_path(prefix: str) -> str:
    return local_path(prefix).rstrip("/") + "/"


def _target(uri: str) -> Path:
    return Path(local_path(uri))


def _listed(uri: str, path: str) -> StoredObject:
    """The file as it is now, even without permission to read it: that is reported when it is read."""
    try:
        return LocalStore().head(uri)
    except AccessDenied:
        with suppress(OSError):
            facts = Path(path).stat()
            return StoredObject(uri, _facts_etag(facts), facts.st_size)
    except ReadFailed:
        pass
    return StoredObject(uri, "", -1)


@contextmanager
def _open_file(uri: str) -> Iterator[int]:
    """An open descriptor of the regular file; errors while reading it are raised as StorageErrors."""
    path = local_path(uri)
    if "\0" in path:
        raise ObjectGone(f"{uri!r} does not exist: a file name cannot contain a NUL character.")
    try:
        # opening a pipe must not block until it has a writer
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ObjectGone(f"{uri!r} is not a file.")
            yield file
        finally:
            os.close(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectGone(f"{uri!r} does not exist.") from error
    except PermissionError as error:
        raise AccessDenied(f"{uri!r} cannot be read: permission denied.") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _NO_SUCH_PATH:
            raise ObjectGone(f"{uri!r} does not exist: {_reason(error)}.") from error
        raise ReadFailed(f"{uri!r} cannot be read: {_reason(error)}.") from error


@contextmanager
def _writing(uri: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise AccessDenied(f"{uri!r} cannot be written: permission denied.") from error
    except (OSError, ValueError) as error:
        raise WriteFailed(f"{uri!r} cannot be written: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    """The reason without the path that the text of an OSError names, which may be temporary."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def _etag(file: int, facts: os.stat_result) -> str:
    return _content_etag(_pread(file, 0, _HASHED_BYTES)) if facts.st_size <= _HASHED_BYTES else _facts_etag(facts)


def _content_etag(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _facts_etag(facts: os.stat_result) -> str:
    return f"{facts.st_size:x}-{facts.st_mtime_ns:x}-{facts.st_ino:x}"


def _pread(file: int, start: int, length: int | None) -> bytes:
    """`length` bytes from `start` on, fewer at the end of the file; None reads to the end."""
    left = os.fstat(file).st_size - start if length is None else length
    pieces = []
    while left > 0 and (piece := os.pread(file, left, start)):
        pieces.append(piece)
        start, left = start + len(piece), left - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
