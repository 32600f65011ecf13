"""Finished work is found by the same training only, and nothing remains if there is nothing to resume."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genre_batch.cli.app import main
from genre_batch.errors import UsageError
from genre_batch.training.fitted_model import FoldLogits, SegmentLogits
from genre_batch.training.work_folder import FoldStore, work_folder

ANSWERS = SegmentLogits(np.array([[0.5, -1.0], [2.0, 3.0]], np.float32), np.array([4, 7]))
RECIPE = ("--set", "name=x", "--set", "architecture.name=forest")
FOLD = FoldLogits(ANSWERS, curves={"train_loss": [1.0, 0.1]})


def test_answers_come_back_to_a_training_with_the_same_facts(tmp_path: Path) -> None:
    work = FoldStore(tmp_path, {"seed": 1})
    assert work.load("fold-1") is None
    work.save("fold-1", FOLD)
    kept = FoldStore(tmp_path, {"seed": 1}).load("fold-1")
    assert kept is not None
    np.testing.assert_array_equal(kept.test.logits, ANSWERS.logits)
    np.testing.assert_array_equal(kept.test.track_rows, ANSWERS.track_rows)
    assert kept.test.track_rows.dtype == np.int64
    assert (kept.valid, kept.curves) == (None, FOLD.curves)
    assert work.load("fold-2") is None
    assert FoldStore(tmp_path, {"seed": 2}).load("fold-1") is None


def test_validation_answers_and_the_checkpoint_of_the_only_fit_are_stored(tmp_path: Path) -> None:
    work = FoldStore(tmp_path, {})
    for name, fold, stays in (("a", FOLD, False), ("b", FoldLogits(ANSWERS, ANSWERS), True)):
        states = set(tmp_path.rglob("*.checkpoint.safetensors"))
        state = next(folder for folder in tmp_path.iterdir()) / f"{name}.checkpoint.safetensors"
        state.touch()
        work.save(name, fold)
        assert (state in set(tmp_path.rglob("*.checkpoint.safetensors")) - states) == stays
    kept = work.load("b")
    assert kept is not None
    assert kept.valid is not None
    np.testing.assert_array_equal(kept.valid.logits, ANSWERS.logits)


def test_the_loudness_comes_back(tmp_path: Path) -> None:
    work = FoldStore(tmp_path, {})
    work.save("a", FoldLogits(replace(ANSWERS, loudness=np.array([0.5, 2.0], np.float32))))
    kept = work.load("a")
    assert kept is not None
    assert kept.test.loudness is not None
    assert kept.test.loudness.tolist() == [0.5, 2.0]
    work.save("b", FoldLogits(replace(ANSWERS, loudness=np.ones(3, np.float32))))
    assert work.load("b") is None


@pytest.mark.parametrize("damage", [b"", b"\x80\x04", b"half"])
def test_damaged_answers_are_none(tmp_path: Path, damage: bytes) -> None:
    work = FoldStore(tmp_path, {})
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


def test_another_training_to_the_same_output_is_refused_and_disturbs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for genre in ("jazz", "rock"):
        (tmp_path / "music" / genre).mkdir(parents=True)
        (tmp_path / "music" / genre / "a.wav").write_bytes(b"RIFF")
    with work_folder(tmp_path / "bundle") as folder:
        (folder / "part").touch()
        with pytest.raises(SystemExit) as ended:
            main(["-q", "train", str(tmp_path / "music"), str(tmp_path / "bundle"), *RECIPE])
        assert ended.value.code == 2
        error = capsys.readouterr().err.splitlines()
        assert error[0] == f"error: another training to {tmp_path / 'bundle'} is running"
        assert len(error) == 2
        assert (folder / "part").exists()
        with work_folder(tmp_path / "other"):
            pass
    assert not folder.exists()


def test_a_killed_training_releases_the_lock(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from genre_batch.training.work_folder import work_folder\n"
        "with work_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'part').touch()\n"
        "    print('at work', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "bundle")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "at work\n"
        with pytest.raises(UsageError, match="is running"), work_folder(tmp_path / "bundle"):
            pytest.fail("both are at work")
        other.kill()
        other.wait()
        with work_folder(tmp_path / "bundle") as folder:
            assert (folder / "part").exists()


def test_no_two_trainings_run_at_once_even_if_the_folder_is_removed(tmp_path: Path) -> None:
    def train(_: int) -> bool:
        try:
            with work_folder(tmp_path / "bundle") as folder:
                (folder / "mine").touch(exist_ok=False)
                (folder / "mine").unlink()
        except UsageError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(train, range(400)))
    assert any(done)
    assert list(tmp_path.iterdir()) == []
