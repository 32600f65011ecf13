"""What is left of local folders when their files are gone. S3 has no such thing: a folder is its objects."""

import os
from contextlib import suppress
from pathlib import Path

from genre_batch.storage.uri import is_s3, local_path
from genre_batch.storage.whole_file import LOCK


def remove_empty_folders(folder_uri: str) -> None:
    """Remove a folder and those in it, as far as they hold nothing but locks of our own; no link is followed.

    Nobody may be at work in them: a lock that is removed holds nobody back.
    """
    if is_s3(folder_uri) or Path(local_path(folder_uri).rstrip("/")).is_symlink():
        return
    for name, _, _ in os.walk(local_path(folder_uri), topdown=False):
        folder = Path(name)
        with suppress(OSError):  # it is not empty, or may not be removed: it does no harm
            if [entry.name for entry in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
            folder.rmdir()
