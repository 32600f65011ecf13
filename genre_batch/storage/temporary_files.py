"""What local writes leave behind where their process is killed. S3 has no such thing: a PUT is whole or not there."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from genre_batch.storage.uri import is_s3, local_path, local_uri
from genre_batch.storage.whole_file import OWN_PREFIX


@dataclass(frozen=True, slots=True)
class TemporaryFile:
    """A file that is still to get its name, or never will. age_s: since it was written."""

    uri: str
    size_bytes: int
    age_s: float


def temporary_files(folder_uri: str) -> Iterator[TemporaryFile]:
    """The temporary files of our own writes below a folder, links not followed; none on S3."""
    if is_s3(folder_uri):
        return
    for folder, _, names in os.walk(local_path(folder_uri)):
        for name in names:
            if name.startswith(f"{OWN_PREFIX}-") and name.endswith(".tmp"):
                path = os.path.join(folder, name)  # noqa: PTH118 (pathlib would change names that are not UTF-8)
                facts = os.lstat(path)
                yield TemporaryFile(local_uri(path), facts.st_size, time.time() - facts.st_mtime)
