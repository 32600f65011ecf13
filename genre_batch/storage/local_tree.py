"""Walks a local folder in the order of URIs; memory holds the names of one folder per level."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from urllib.parse import quote_from_bytes

from genre_batch.storage.store import AccessDenied, ReadFailed
from genre_batch.storage.uri import is_s3, is_utf8, local_path, local_uri
from genre_batch.storage.whole_file import LOCK, OWN_PREFIX


def files_below(folder: str) -> Iterator[str]:
    """The paths of all regular files below `folder` (which ends with a slash), sorted by URI in UTF-8 order.

    Links are followed to files, and once to each folder outside the tree, so that loops end. Names that are not UTF-8
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
    """The folders directly in `folder`, including links, with a trailing slash. Raises as `files_below`."""
    return [entry.path + "/" for entry in _scan(folder) if _is_folder(entry)]


class _Walk:
    """One pass over a tree. `spell` gives a name as it appears in the URI, which decides the order."""

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
        """Whether a linked folder is neither listed already nor contains the root of the walk; if so, remember it."""
        root = self._covered[0]
        if _within(root, target) or any(_within(target, covered) for covered in self._covered):
            return False
        self._covered.append(target)
        return True


def _scan(folder: str) -> list[os.DirEntry[str]]:
    """The files and folders in `folder`; none if it is not a folder, or no longer one."""
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
    """Whether it is a regular file or folder, rather than a socket, device, pipe or broken link."""
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


def is_linked(folder_uri: str, uri: str) -> bool:
    """Whether an object below a folder is a link or is reached through one. The folder itself may be a link.

    Always False on S3.
    """
    if is_s3(folder_uri):
        return False
    folder = local_path(folder_uri).rstrip("/")
    names = local_path(uri).removeprefix(f"{folder}/").split("/")
    return any(Path(path).is_symlink() for path in accumulate(names, "{}/{}".format, initial=folder) if path != folder)


def remove_empty_folders(folder_uri: str) -> None:
    """Remove a folder and its sub-folders if they contain nothing but our own locks; links are not followed.

    No process may be writing there, because a lock that is removed no longer excludes anyone.
    """
    if is_s3(folder_uri) or Path(local_path(folder_uri).rstrip("/")).is_symlink():
        return
    for name, _, _ in os.walk(local_path(folder_uri), topdown=False):
        folder = Path(name)
        with suppress(OSError):  # not empty, or no permission: it does no harm
            if [entry.name for entry in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
            folder.rmdir()
