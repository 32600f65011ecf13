"""What a training has done so far, beside its output: one that was killed goes on from there."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from genre_batch.errors import UsageError, UserError
from genre_batch.training.answers import Answers, FoldAnswers
from genre_batch.training.checkpoint import Checkpoint

_LOCK = "lock"


@contextmanager
def work_folder(output: Path) -> Iterator[Path]:
    """The folder `.<output name>.training` beside `output`, which stays where the training is killed or fails.

    It is removed at the end of the block and, where it was made here and holds nothing yet, after a UserError.
    Raises UsageError where another training to `output` is at work in it.
    """
    folder = output.parent / f".{output.name}.training"
    new = not folder.exists()
    above = [parent for parent in folder.parents if not parent.exists()]
    with _held(folder, output):
        try:
            yield folder
        except UserError:
            if new and not any(path.is_file() for path in folder.rglob("*") if path.name != _LOCK):
                with suppress(OSError):
                    _remove(folder)
                    for parent in above:
                        parent.rmdir()
            raise
        _remove(folder)


@contextmanager
def _held(folder: Path, output: Path) -> Iterator[None]:
    """Hold the folder, which is made where there is none; the kernel lets go of it when the process dies."""
    while (lock := _try_to_hold(folder, output)) is None:
        pass
    try:
        yield
    finally:
        os.close(lock)


def _try_to_hold(folder: Path, output: Path) -> int | None:
    """The lock, held; None where whoever held it removed the folder, and the lock with it, at the same time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        return None
    except FileExistsError:  # also of a folder that has gone by the time pathlib looks what is there
        if folder.is_file() or folder.is_symlink():
            raise
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise UsageError(
            f"another training to {output} is at work", "wait for it, or train to another folder"
        ) from error
    if _is_at(folder / _LOCK, lock):
        return lock
    os.close(lock)
    return None


def _remove(folder: Path) -> None:
    """Remove a folder that is held; the lock goes last, and from then on the folder may be another training's."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
    (folder / _LOCK).unlink()
    with suppress(OSError):
        folder.rmdir()


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


class Work:
    """The finished folds and the unfinished fit of one training; `facts` say which, and another one has other files."""

    def __init__(self, folder: Path, facts: Mapping[str, object]) -> None:
        canonical = json.dumps(facts, sort_keys=True).encode()
        self._folder = folder / hashlib.sha256(canonical).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)

    def checkpoint(self, name: str) -> Checkpoint:
        """Where the fit of this name keeps its state."""
        return Checkpoint(self._folder / f"{name}.checkpoint.safetensors")

    def load(self, name: str) -> FoldAnswers | None:
        """The answers kept under this name; None where there are none, or the file is damaged."""
        try:
            with safe_open(self._file(name), framework="np") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                curves = json.loads((file.metadata() or {})["curves"])
            valid = _answers(arrays, "valid") if "valid.rows" in arrays else None
            return FoldAnswers(_answers(arrays, "test"), valid, curves)
        except (OSError, SafetensorError, KeyError, ValueError):
            return None

    def save(self, name: str, answers: FoldAnswers) -> None:
        """Keep the answers of a fold; the state of its fit is dropped, unless the split has but one fit."""
        arrays = {"test.logits": answers.test.logits, "test.rows": answers.test.track_rows}
        if answers.valid is not None:
            arrays |= {"valid.logits": answers.valid.logits, "valid.rows": answers.valid.track_rows}
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        temporary = self._file(name).with_suffix(".partial")
        temporary.write_bytes(save(contiguous, {"curves": json.dumps(dict(answers.curves))}))
        temporary.replace(self._file(name))
        if answers.valid is None:
            self.checkpoint(name).remove()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def _answers(arrays: Mapping[str, npt.NDArray[Any]], part: str) -> Answers:
    """Raises KeyError or ValueError where the arrays are not answers."""
    logits, rows = arrays[f"{part}.logits"], arrays[f"{part}.rows"]
    if logits.dtype != np.float32 or logits.ndim != 2 or rows.dtype != np.int64 or rows.shape != logits.shape[:1]:
        raise ValueError(f"the {part} answers are {logits.dtype} {logits.shape} for rows {rows.dtype} {rows.shape}")
    return Answers(logits, rows)
