"""Detects whether any process opens a file."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_ACCESS, _IN_OPEN = 0x01, 0x20
_LIBC = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Reports whether the file was opened since the watch began."""

    def __init__(self, inotify: int) -> None:
        self._inotify = inotify

    @property
    def opened(self) -> bool:
        """Whether any process opened or read the file. May be asked once."""
        try:
            return bool(os.read(self._inotify, 4096))
        except BlockingIOError:
            return False


@contextmanager
def watched(path: Path) -> Iterator[Watch]:
    """Watch `path` with the kernel's inotify, in this process and all others."""
    inotify = _LIBC.inotify_init1(os.O_NONBLOCK)
    try:
        added = _LIBC.inotify_add_watch(inotify, os.fsencode(path), _IN_ACCESS | _IN_OPEN)
        assert added >= 0, os.strerror(ctypes.get_errno())
        yield Watch(inotify)
    finally:
        os.close(inotify)
