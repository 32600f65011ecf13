"""A walk over a folder of this machine, in the order of URIs, with no more than one folder's names held per level."""

import os
from collections.abc import Callable, Iterator
from urllib.parse import quote_from_bytes

from genre_batch.storage.store import AccessDenied, ReadFailed
from genre_batch.storage.uri import is_utf8, local_uri
from genre_batch.storage.whole_file import OWN_PREFIX


def files_below(folder: str) -> Iterator[str]:
    """The paths of all regular files below `folder` (it ends with a slash), sorted by URI in UTF-8 order.

    Links are followed to files, and to folders that lie elsewhere, each once: so loops end. Names that are not UTF-8
    come last, as their `file:///` URIs do. Raises AccessDenied or ReadFailed for a folder that cannot be read.
    """
    odd_names = False
    for path in _Walk(folder, spell=str).files(folder):
        if is_utf8(path):
            yield path
        else:
            odd_names = True
    if odd_names:
        yield from (path for path in _Walk(folder, spell=_quoted).files(folder) if not is_utf8(path))


def folders_in(folder: str) -> list[str]:
    """The folders directly in `folder`, links included, with a slash at their end. Raises as `files_below`."""
    return [entry.path + "/" for entry in _scan(folder) if _is_folder(entry)]


class _Walk:
    """One pass over a tree; `spell` is how a name stands in the URI, which decides the order."""

    def __init__(self, root: str, spell: Callable[[str], str]) -> None:
        self._spell = spell
        self._covered = [os.path.realpath(root)]

    def files(self, folder: str) -> Iterator[str]:
        entries = [(entry, _is_folder(entry)) for entry in _scan(folder)]
        entries.sort(key=lambda found: self._spell(found[0].name) + "/" * found[1])
        for entry, is_folder in entries:
            if not is_folder:
                yield entry.path
            elif not entry.is_symlink() or self._is_new(os.path.realpath(entry.path)):
                yield from self.files(entry.path + "/")

    def _is_new(self, target: str) -> bool:
        """Whether a linked folder is neither listed already, nor holds the root of the walk; if so, note it."""
        root = self._covered[0]
        if _within(root, target) or any(_within(target, covered) for covered in self._covered):
            return False
        self._covered.append(target)
        return True


def _scan(folder: str) -> list[os.DirEntry[str]]:
    """The files and folders in `folder`; none where it is not a folder (any more)."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(OWN_PREFIX) and _is_listed(entry)]
    except PermissionError as error:
        raise AccessDenied(f"The folder {local_uri(folder)!r} cannot be read: permission denied.") from error
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ReadFailed(f"The folder {local_uri(folder)!r} cannot be read: {error.strerror}.") from error


def _is_listed(entry: os.DirEntry[str]) -> bool:
    """Regular files and folders; no sockets, devices, pipes or links that lead nowhere."""
    try:
        return entry.is_file() or entry.is_dir()
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _quoted(name: str) -> str:
    return quote_from_bytes(os.fsencode(name))
