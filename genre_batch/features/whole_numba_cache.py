"""A cache of compiled code for librosa that no two processes write at once.

Numba keeps each generalised ufunc in two files. Processes that compile at the same moment, as the actors of a fresh
node do, may mix theirs, and then whoever loads them dies of a segmentation fault, for good (numba issue 10128). So each
process compiles into a folder of its own, and the first that is done gives it the name that all others look for.
Numba unpickles what it finds there: only a folder that belongs to this user, and is closed to all others, is used.
"""

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path

_COMPILED_BY = ("librosa", "numba", "llvmlite", "numpy")


@contextmanager
def whole_numba_cache() -> Iterator[None]:
    """Import librosa, and run what it compiles on first use, within this context; about 15 s of CPU, later 1.5 s.

    Does nothing where librosa's modules are loaded already: what they compiled would be missing from the folder.
    """
    if "librosa.util" in sys.modules:
        yield
        return
    ready = Path(tempfile.gettempdir()) / f"genre-batch-numba-{os.getuid()}-{_key()}"
    if _is_ours_alone(ready):
        _keep_compiled_code_in(ready)
        yield
        return
    own = Path(tempfile.mkdtemp(prefix=f"{ready.name}-"))
    _keep_compiled_code_in(own)
    try:
        yield
        with suppress(OSError):  # another process was first, or a stranger has taken the name
            own.rename(ready)
        if _is_ours_alone(ready):
            _keep_compiled_code_in(ready)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _keep_compiled_code_in(folder: Path) -> None:
    import numba

    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


def _key() -> str:
    """Changes with all that compiled code hangs on: the CPU, Python and the libraries, each where it is installed."""
    from llvmlite import binding

    libraries = [distribution(name) for name in _COMPILED_BY]
    parts = [sys.version, binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()]
    parts += [f"{library.name} {library.version} {library.locate_file('')}" for library in libraries]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _is_ours_alone(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
