"""A cache of compiled code for librosa that is never written by two processes at once.

Numba keeps each generalised ufunc in two files. Processes that compile at the same moment, as the actors of a fresh
node do, may mix theirs; from then on every process that loads them dies of a segmentation fault (numba issue 10128).
So each process compiles into a folder of its own, and the first to finish renames it to where all others look.
Numba unpickles what it finds there, so a folder is used only if it belongs to this user and is closed to all others.
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
    """Import librosa, and run what it compiles on first use, within this context: 15 s of CPU, and 1.5 s from then on.

    Does nothing if librosa is loaded already: what it has compiled would be missing from the folder.
    """
    if "librosa.util" in sys.modules:
        yield
        return
    ready = Path(tempfile.gettempdir()) / f"genre-batch-numba-{os.getuid()}-{_key()}"
    if _is_private(ready):
        _keep_compiled_code_in(ready)
        yield
        return
    own = Path(tempfile.mkdtemp(prefix=f"{ready.name}-"))
    _keep_compiled_code_in(own)
    try:
        yield
        with suppress(OSError):  # another process was first, or another user has taken the name
            own.rename(ready)
        if _is_private(ready):
            _keep_compiled_code_in(ready)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _keep_compiled_code_in(folder: Path) -> None:
    import numba

    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


def _key() -> str:
    """Changes with all that compiled code depends on: the CPU, Python, the libraries and where they are installed.

    The CPU is the one that numba compiles for: NUMBA_CPU_NAME, if it is set, as in the images of `cluster/`.
    """
    import numba
    from llvmlite import binding

    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES  # type: ignore[attr-defined]
    cpu = name or binding.get_host_cpu_name()
    features = binding.get_host_cpu_features().flatten() if features is None else features
    libraries = [distribution(name) for name in _COMPILED_BY]
    parts = [sys.version, cpu, features]
    parts += [f"{library.name} {library.version} {library.locate_file('')}" for library in libraries]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
