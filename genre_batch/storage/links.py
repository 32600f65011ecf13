"""Links on this machine: what lies behind one may be somebody else's."""

from itertools import accumulate
from pathlib import Path

from genre_batch.storage.uri import is_s3, local_path


def is_linked(folder_uri: str, uri: str) -> bool:
    """Whether an object below a folder is a link, or lies behind one on the way there; the folder may be one itself.

    Never so on S3.
    """
    if is_s3(folder_uri):
        return False
    folder = local_path(folder_uri).rstrip("/")
    names = local_path(uri).removeprefix(f"{folder}/").split("/")
    return any(Path(path).is_symlink() for path in accumulate(names, "{}/{}".format, initial=folder) if path != folder)
