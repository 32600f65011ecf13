"""What a training has done so far, stored beside its output: a training that was killed resumes from there."""

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
from genre_batch.training.checkpoint import Checkpoint
from genre_batch.training.fitted_model import FoldLogits, SegmentLogits

_LOCK = "lock"


@contextmanager
def work_folder(output: Path) -> Iterator[Path]:
    """The folder `.<output name>.training` beside `output`, which remains if the training is killed or fails.

    It is removed at the end of the block, and after a UserError if it was created here and is still empty.
    Raises UsageError if another training to `output` is running.
    """
    folder = output.parent / f".{output.name}.training"
    new = not folder.exists()
    above = [parent for parent in folder.parents if not parent.exists()]
    with _locked(folder, output):
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
def _locked(folder: Path, output: Path) -> Iterator[None]:
    """Lock the folder, and create it if there is none. The kernel releases the lock when the process dies."""
    while (lock := _try_to_lock(folder, output)) is None:
        pass
    try:
        yield
    finally:
        os.close(lock)


def _try_to_lock(folder: Path, output: Path) -> int | None:
    """The lock; None if its holder removed the folder, and the lock with it, at the same time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        return None
    except FileExistsError:  # also for a folder that is gone by the time pathlib checks it
        if folder.is_file() or folder.is_symlink():
            raise
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise UsageError(
            f"another training to {output} is running", "wait for it, or train to another folder"
        ) from error
    if _is_same_file(folder / _LOCK, lock):
        return lock
    os.close(lock)
    return None


def _remove(folder: Path) -> None:
    """Remove a locked folder. The lock goes last; from then on the folder may be another training's."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
    (folder / _LOCK).unlink()
    with suppress(OSError):
        folder.rmdir()


def _is_same_file(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


class FoldStore:
    """The finished folds and the unfinished fit of one training, stored under a name made from its `facts`."""

    def __init__(self, folder: Path, facts: Mapping[str, object]) -> None:
        canonical = json.dumps(facts, sort_keys=True).encode()
        self._folder = folder / hashlib.sha256(canonical).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)

    def checkpoint(self, name: str) -> Checkpoint:
        """The checkpoint of the fit with this name."""
        return Checkpoint(self._folder / f"{name}.checkpoint.safetensors")

    def load(self, name: str) -> FoldLogits | None:
        """The answers stored under this name; None if there are none, or the file is damaged."""
        try:
            with safe_open(self._file(name), framework="np") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                curves = json.loads((file.metadata() or {})["curves"])
            valid = _answers(arrays, "valid") if "valid.rows" in arrays else None
            return FoldLogits(_answers(arrays, "test"), valid, curves)
        except (OSError, SafetensorError, KeyError, ValueError):
            return None

    def save(self, name: str, answers: FoldLogits) -> None:
        """Store the answers of a fold. The checkpoint of its fit is removed, unless the split has only one fit."""
        arrays = _arrays("test", answers.test) | (_arrays("valid", answers.valid) if answers.valid else {})
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        temporary = self._file(name).with_suffix(".partial")
        temporary.write_bytes(save(contiguous, {"curves": json.dumps(dict(answers.curves))}))
        temporary.replace(self._file(name))
        if answers.valid is None:
            self.checkpoint(name).remove()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def _arrays(part: str, answers: SegmentLogits) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {f"{part}.logits": answers.logits, f"{part}.rows": answers.track_rows}
    return arrays if answers.loudness is None else {**arrays, f"{part}.loudness": answers.loudness}


def _answers(arrays: Mapping[str, npt.NDArray[Any]], part: str) -> SegmentLogits:
    """Raises KeyError or ValueError if the arrays are not answers."""
    logits, rows = arrays[f"{part}.logits"], arrays[f"{part}.rows"]
    if logits.dtype != np.float32 or logits.ndim != 2 or rows.dtype != np.int64 or rows.shape != logits.shape[:1]:
        raise ValueError(f"the {part} answers are {logits.dtype} {logits.shape} for rows {rows.dtype} {rows.shape}")
    loudness = arrays.get(f"{part}.loudness")
    if loudness is not None and (loudness.dtype != np.float32 or loudness.shape != rows.shape):
        raise ValueError(f"the loudness of the {part} answers is {loudness.dtype} {loudness.shape}")
    return SegmentLogits(logits, rows, loudness)
