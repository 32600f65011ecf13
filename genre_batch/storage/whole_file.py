"""A file appears whole or not at all, with its name and its bytes safe on disk."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OWN_PREFIX = ".genre-batch"
"""Files whose name begins so are temporary files and locks of these functions; they are never listed."""

LOCK = f"{OWN_PREFIX}.lock"
"""The lock of the folder it lies in."""


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of the folder that `target` lies in: one writer at a time, over all processes (flock)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(target.parent / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def put(target: Path, data: bytes) -> None:
    """Put a file with `data` in the place of `target`; the caller holds the lock of the folder.

    The new version is always younger than the old one, so that etags made of times never repeat.
    """
    with _temporary(target, data) as temporary:
        _step_clock(temporary, target)
        temporary.replace(target)
    _sync(target.parent)


def put_new(target: Path, data: bytes) -> bool:
    """Put a file with `data` where none is; True for exactly one of all who try. The lock is not needed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(target, data) as temporary:
        return _link(temporary, target)


@contextmanager
def _temporary(target: Path, data: bytes) -> Iterator[Path]:
    """A file beside `target` with `data` in it, safe on disk; gone afterwards."""
    temporary = target.parent / f"{OWN_PREFIX}-{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _step_clock(temporary: Path, target: Path) -> None:
    """Make sure that the new version is younger than the old: the clock may not have ticked in between."""
    with suppress(FileNotFoundError):
        old_ns = target.stat().st_mtime_ns
        if temporary.stat().st_mtime_ns <= old_ns:
            os.utime(temporary, ns=(old_ns + 1, old_ns + 1))


def _link(temporary: Path, target: Path) -> bool:
    """Give the file the name `target` unless it is taken."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links, as on many USB disks: our own processes still respect the lock
        with locked(target):
            if target.exists():
                return False
            temporary.rename(target)
    _sync(target.parent)
    return True


def _sync(folder: Path) -> None:
    """Make a new name safe on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
