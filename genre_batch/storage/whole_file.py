"""Atomic and durable writes of whole files: a file appears completely or not at all."""

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from genre_batch.storage.uri import is_s3, local_path, local_uri

OWN_PREFIX = ".genre-batch"
"""The prefix of our temporary files and locks, which are never listed."""

LOCK = f"{OWN_PREFIX}.lock"
"""The lock file of a folder. Only earlier versions, and file systems that cannot lock a folder itself, have one."""

_CANNOT_LOCK_FOLDERS = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of the folder of `target`: one writer at a time across all processes (flock).

    The folder itself is locked, so that no lock lies beside the files of a table, where readers would find it. A lock
    file is locked as well if there is one, because an earlier version may be at work; and instead, on NFS for example.
    """
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        file = folder / LOCK
        try:
            _lock(folder, os.O_RDONLY | os.O_DIRECTORY, held)
            has_file = file.exists()
        except OSError as error:
            if error.errno not in _CANNOT_LOCK_FOLDERS:
                raise
            has_file = True
        if has_file:
            _lock(file, os.O_RDWR | os.O_CREAT, held)
        yield


def _lock(path: Path, flags: int, held: ExitStack) -> None:
    """Wait for the lock of `path` and keep it until `held` is closed."""
    file = os.open(path, flags | os.O_CLOEXEC, 0o666)
    held.callback(os.close, file)
    fcntl.flock(file, fcntl.LOCK_EX)


def put(target: Path, data: bytes) -> None:
    """Write `data` to `target`, replacing any old file; the caller holds the lock of the folder.

    The new version always has a later modification time than the old one, so that etags made of times never repeat.
    """
    with _temporary(target, data) as temporary:
        _step_clock(temporary, target)
        temporary.replace(target)
    _sync(target.parent)


def put_new(target: Path, data: bytes) -> bool:
    """Write `data` to `target` unless it exists; True for exactly one of all callers. Needs no lock."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(target, data) as temporary:
        return _link(temporary, target)


@contextmanager
def _temporary(target: Path, data: bytes) -> Iterator[Path]:
    """A temporary file beside `target` with `data`, synced to disk; removed afterwards."""
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
    """Make the new version later than the old one, in case the clock has not ticked in between."""
    with suppress(FileNotFoundError):
        old_ns = target.stat().st_mtime_ns
        if temporary.stat().st_mtime_ns <= old_ns:
            os.utime(temporary, ns=(old_ns + 1, old_ns + 1))


def _link(temporary: Path, target: Path) -> bool:
    """Give the file the name `target` unless that exists."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # no hard links, as on many USB disks: our own processes still respect the lock
        with locked(target):
            if target.exists():
                return False
            temporary.rename(target)
    _sync(target.parent)
    return True


def _sync(folder: Path) -> None:
    """Sync a folder, so that a new name in it is durable."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class TemporaryFile:
    """A temporary file of an unfinished or interrupted write. age_s: seconds since it was written."""

    uri: str
    size_bytes: int
    age_s: float


def temporary_files(folder_uri: str) -> Iterator[TemporaryFile]:
    """The temporary files of our own writes below a folder; links are not followed. None on S3."""
    if is_s3(folder_uri):
        return
    for folder, _, names in os.walk(local_path(folder_uri)):
        for name in names:
            if name.startswith(f"{OWN_PREFIX}-") and name.endswith(".tmp"):
                path = os.path.join(folder, name)  # noqa: PTH118 (pathlib would change names that are not UTF-8)
                facts = os.lstat(path)
                yield TemporaryFile(local_uri(path), facts.st_size, time.time() - facts.st_mtime)
