"""A page on disk: whole or not at all, and known to be possible before the long work begins."""

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import UsageError
from genre_batch.evaluation.page import check_report_libraries
from genre_batch.storage.uri import is_s3, local_path
from genre_batch.storage.whole_file import OWN_PREFIX


class WrittenPage(BaseModel):
    """The file that a page was written to, and its size."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    page: str
    size_bytes: int

    def summary(self) -> str:
        """One line for a terminal."""
        return f"page: {self.page} ({self.size_bytes:,} bytes)"


def check_page(uri: str) -> None:
    """Raise UsageError unless a page can be made, and written to the local file `uri`, whose folder must exist."""
    check_report_libraries()
    if is_s3(uri):
        raise UsageError(f"a page is written to a local file, not to {uri}", "copy it there afterwards")
    path = Path(local_path(uri))
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file", "add the name of the page, for example report.html")
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}", "make the folder first")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_page(uri: str, page: str) -> WrittenPage:
    """Put `page` into the local file `uri`, in place of what is there. Raises UsageError where that fails."""
    path, data, temporary = Path(local_path(uri)), page.encode(), None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=OWN_PREFIX, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return WrittenPage(page=uri, size_bytes=len(data))


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}", "give another place for the page")
