"""S3 for Arrow's readers, through s3fs."""

import atexit
import gc
import time
from weakref import WeakSet

import pyarrow as pa
import pyarrow.fs as pafs
import s3fs

_open_files: "WeakSet[s3fs.S3File]" = WeakSet()
_MAX_WAIT_S = 5.0
_LOOK_EVERY_S = 0.01


def open_arrow_s3() -> pafs.PyFileSystem:
    """A new file system for each call, because its cached listing, which saves two requests a file, may get old.

    It requests only the bytes that Arrow asks for.
    """
    return pafs.PyFileSystem(_Handler(s3fs.S3FileSystem(skip_instance_cache=True, default_cache_type="none")))


class _Handler(pafs.FSSpecHandler):  # type: ignore[misc]  # pyarrow has no types
    """Keeps track of the files that Arrow has open."""

    def open_input_file(self, path: str) -> pa.PythonFile:
        file = self.fs.open(path, mode="rb")
        _open_files.add(file)
        return pa.PythonFile(file, mode="r")


@atexit.register
def wait_for_open_files(longest_s: float = _MAX_WAIT_S) -> bool:
    """Wait until Arrow has closed its files, and return whether it has.

    One of its threads may release a file some time after the last read. If the interpreter ends at that moment, the
    thread cannot get the lock that it needs for it, and C++ ends the process with SIGABRT.
    """
    deadline_s = time.monotonic() + longest_s
    while _open_files and time.monotonic() < deadline_s:
        gc.collect()  # Arrow's files are parts of cycles
        time.sleep(_LOOK_EVERY_S)
    return not _open_files
