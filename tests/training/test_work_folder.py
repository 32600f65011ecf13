"""What was finished comes back to the same training alone, and nothing stays where nothing is to be gone on with."""

from pathlib import Path

import numpy as np
import pytest

from genre_batch.errors import UsageError
from genre_batch.training.answers import Answers, FoldAnswers
from genre_batch.training.work_folder import Work, work_folder

ANSWERS = Answers(np.array([[0.5, -1.0], [2.0, 3.0]], np.float32), np.array([4, 7]))
FOLD = FoldAnswers(ANSWERS, curves={"train_loss": [1.0, 0.1]})


def test_answers_come_back_to_a_training_with_the_same_facts(tmp_path: Path) -> None:
    work = Work(tmp_path, {"seed": 1})
    assert work.load("fold-1") is None
    work.save("fold-1", FOLD)
    kept = Work(tmp_path, {"seed": 1}).load("fold-1")
    assert kept is not None
    np.testing.assert_array_equal(kept.test.logits, ANSWERS.logits)
    np.testing.assert_array_equal(kept.test.track_rows, ANSWERS.track_rows)
    assert kept.test.track_rows.dtype == np.int64
    assert (kept.valid, kept.curves) == (None, FOLD.curves)
    assert work.load("fold-2") is None
    assert Work(tmp_path, {"seed": 2}).load("fold-1") is None


def test_validation_answers_and_the_state_of_the_only_fit_are_kept(tmp_path: Path) -> None:
    work = Work(tmp_path, {})
    for name, fold, stays in (("a", FOLD, False), ("b", FoldAnswers(ANSWERS, ANSWERS), True)):
        states = set(tmp_path.rglob("*.checkpoint.safetensors"))
        state = next(folder for folder in tmp_path.iterdir()) / f"{name}.checkpoint.safetensors"
        state.touch()
        work.save(name, fold)
        assert (state in set(tmp_path.rglob("*.checkpoint.safetensors")) - states) == stays
    kept = work.load("b")
    assert kept is not None
    assert kept.valid is not None
    np.testing.assert_array_equal(kept.valid.logits, ANSWERS.logits)


@pytest.mark.parametrize("damage", [b"", b"\x80\x04", b"half"])
def test_damaged_answers_are_none(tmp_path: Path, damage: bytes) -> None:
    work = Work(tmp_path, {})
    work.save("fold-1", FOLD)
    [file] = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-5] if damage == b"half" else damage)
    assert work.load("fold-1") is None


def test_the_folder_goes_when_all_is_done(tmp_path: Path) -> None:
    with work_folder(tmp_path / "bundle") as folder:
        assert folder == tmp_path / ".bundle.training"
        (folder / "part").touch()
    assert list(tmp_path.iterdir()) == []


def test_it_stays_after_a_failure_and_a_usage_error_removes_only_what_is_new(tmp_path: Path) -> None:
    with pytest.raises(UsageError), work_folder(tmp_path / "new" / "bundle"):
        raise UsageError("one genre", "")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError), work_folder(tmp_path / "bundle") as folder:
        (folder / "no folder" / "part").write_bytes((folder / "part").write_text("state") * b"")
    with pytest.raises(UsageError), work_folder(tmp_path / "bundle"):
        raise UsageError("too many folds", "")
    assert (tmp_path / ".bundle.training" / "part").exists()
