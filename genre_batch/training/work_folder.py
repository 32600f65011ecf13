"""What a training has done so far, beside its output: one that was killed goes on from there."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from genre_batch.errors import UserError
from genre_batch.training.answers import Answers, FoldAnswers
from genre_batch.training.checkpoint import Checkpoint


@contextmanager
def work_folder(output: Path) -> Iterator[Path]:
    """The folder `.<output name>.training` beside `output`, which stays where the training is killed or fails.

    It is removed at the end of the block and, where it was made here and holds nothing yet, after a UserError.
    """
    folder = output.parent / f".{output.name}.training"
    new = not folder.exists()
    above = [parent for parent in folder.parents if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except UserError:
        if new and not any(path.is_file() for path in folder.rglob("*")):
            with suppress(OSError):
                shutil.rmtree(folder)
                for parent in above:
                    parent.rmdir()
        raise
    shutil.rmtree(folder)


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
