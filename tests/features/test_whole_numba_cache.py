"""Compiled code is stored in a folder that appears only once it is complete."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest
from llvmlite import binding

from genre_batch.features.whole_numba_cache import _key

_KERNELS = """
from numba import guvectorize

@guvectorize(["void(float64[:], float64[:])"], "(n)->(n)", cache=True, nopython=True)
def double(x, out):
    out[:] = 2.0 * x
"""
_COMPILE = """
import numpy as np
from genre_batch.features.whole_numba_cache import whole_numba_cache

with whole_numba_cache():
    import kernels
print(kernels.double(np.ones(2)))
"""
_DESCRIBE = """
import numpy as np
from genre_batch.features.front_ends.descriptors import COLUMNS, descriptors

samples = np.sin(np.arange(66_150) ** 1.2 / 50).astype(np.float32)
print(descriptors(samples, sample_rate=22_050, columns=COLUMNS)[:2])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for temporary files, beside a module that numba compiles."""
    (tmp_path / "kernels.py").write_text(_KERNELS)
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


def start(program: str, folder: Path) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(folder.parent), *sys.path])
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)


def finish(*processes: "subprocess.Popen[str]") -> None:
    answers = {process.communicate(timeout=300)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * len(processes)
    assert answers == {"[2. 2.]\n"}


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}


def test_when_processes_compile_at_once_one_of_them_leaves_its_folder(folder: Path) -> None:
    finish(*[start(_COMPILE, folder) for _ in range(3)])
    (cache,) = folder.iterdir()
    assert cache.name.startswith(f"genre-batch-numba-{os.getuid()}-")
    assert cache.stat().st_mode & 0o777 == 0o700
    kept = files(folder)
    assert len(kept) == 4  # an index and the code, for the function and for its generalised ufunc
    finish(start(_COMPILE, folder))
    assert files(folder) == kept


def test_a_folder_that_others_may_write_to_is_not_used(folder: Path) -> None:
    """Anyone who can write there could make this process unpickle anything."""
    finish(start(_COMPILE, folder))
    (cache,) = folder.iterdir()
    for code in files(cache):
        Path(code).write_bytes(b"no code")
    cache.chmod(0o777)
    finish(start(_COMPILE, folder))
    assert list(folder.iterdir()) == [cache]
    assert {Path(code).read_bytes() for code in files(cache)} == {b"no code"}


def test_an_import_that_fails_leaves_nothing(folder: Path) -> None:
    process = start(_COMPILE.replace("kernels", "no_such_module"), folder)
    process.communicate(timeout=300)
    assert process.returncode == 1
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_the_folder_holds_all_that_descriptors_need() -> None:
    """In the folder that all processes of this user share, since it takes 15 s to fill."""
    folder = Path(tempfile.gettempdir())
    cache = folder / f"genre-batch-numba-{os.getuid()}-{_key()}"
    assert start(_DESCRIBE, folder).wait(timeout=300) == 0
    before = files(cache)
    assert before
    assert start(_DESCRIBE, folder).wait(timeout=300) == 0
    assert files(cache) == before


@pytest.mark.parametrize(("name", "features", "same"), [("generic", "", True), (None, None, False)])
def test_code_compiled_for_a_named_cpu_is_used_on_every_cpu(
    name: str | None, features: str | None, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CPU_NAME", name)
    monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
    keys = set()
    for host in ("skylake", "znver3"):
        monkeypatch.setattr(binding, "get_host_cpu_name", lambda host=host: host)
        keys.add(_key())
    assert (len(keys) == 1) == same
