"""Whether a folder can be written, found out without writing anything."""

import os
from pathlib import Path

from genre_batch.storage.open_store import as_folder, join, open_store
from genre_batch.storage.store import AccessDenied, WriteFailed
from genre_batch.storage.uri import is_s3, local_path

_NO_ETAG = "00000000000000000000000000000000"


def check_writable(folder: str, name: str) -> None:
    """Raise AccessDenied, WriteFailed, or ObjectGone for a missing bucket, unless objects can be written in `folder`.

    name: of an object that does not exist there. On S3 the check is a write on the condition that this object exists,
    so it needs every permission and has no effect.
    """
    if not is_s3(folder):
        _check_local(Path(local_path(as_folder(folder))))
        return
    store, uri = open_store(folder), join(folder, name)
    if store.replace(uri, b"", _NO_ETAG):
        # only a server that ignores the condition gets here
        store.delete(uri)


def _check_local(folder: Path) -> None:
    """A folder that does not exist is made by the first write, in the nearest one above that does."""
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise WriteFailed(f"{str(folder)!r} cannot be written: {str(nearest)!r} is not a folder.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise AccessDenied(f"{str(folder)!r} cannot be written: permission denied.")
