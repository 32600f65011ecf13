"""`jobs/evaluate.py`, and `evaluate` on the command line."""

import json
import subprocess
import sys
from pathlib import Path

import audio_samples
import pytest
from page_checks import read_page
from small_bundle import write_small_bundle
from typer.testing import CliRunner

from genre_batch.cli import app

JOB = Path(__file__).parents[2] / "jobs" / "evaluate.py"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """One track of each of two genres that both the small and the shipped bundle know."""
    for genre in ("rock", "jazz"):
        (tmp_path / "labelled" / genre).mkdir(parents=True)
        sound = audio_samples.chirp(4, 22_050, 1)
        (tmp_path / "labelled" / genre / "a.wav").write_bytes(audio_samples.encode(sound, 22_050, "wav"))
    return tmp_path / "labelled"


def evaluate(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_it_prints_the_figures_and_says_that_the_tracks_are_new_to_the_model(labelled: Path, tmp_path: Path) -> None:
    command = [sys.executable, JOB, "default", labelled, "--html", tmp_path / "page.html", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["trained_on_this_data"] is False
    assert 0.0 <= report["metrics"]["accuracy"] <= 1.0
    figures = {
        "macro_f1",
        "per_genre",
        "confusion_matrix",
        "top_3_accuracy",
        "roc_auc",
        "mean_squared_error",
        "log_loss",
    }
    assert figures <= set(report["metrics"])
    assert {"ece_before", "ece_after", "accuracy_interval", "macro_f1_interval"} <= set(report)
    page = read_page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert report["model_id"] in page.title


def test_figures_for_people_come_without_options(labelled: Path, tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "bundle")
    code, out, _ = evaluate(tmp_path / "bundle", labelled)
    assert code == 0
    assert out.startswith("small-")
    assert "ROC-AUC" in out


def spoil(kind: str, labelled: Path, bundle: Path) -> None:
    """One fault of what `evaluate` is given."""
    match kind:
        case "unknown genre":
            (labelled / "jazz").rename(labelled / "polka")
        case "one genre":
            (labelled / "jazz").rename(labelled.parent / "elsewhere")
        case "no readable track":
            for path in labelled.rglob("*.wav"):
                path.write_bytes(b"RIFF")
        case "newer schema":
            manifest = json.loads((bundle / "bundle.json").read_text())
            (bundle / "bundle.json").write_text(json.dumps(manifest | {"schema_version": 2, "new_key": 1}))
        case "no bundle":
            bundle.rename(bundle.parent / "away")


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("unknown genre", "does not know the genre 'polka'"),
        ("one genre", "only the genre 'rock'"),
        ("no readable track", "can be scored"),
        ("newer schema", "schema version 2"),
        ("no bundle", "no model bundle"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(kind: str, fault: str, labelled: Path, tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "bundle")
    spoil(kind, labelled, tmp_path / "bundle")
    code, out, told = evaluate(tmp_path / "bundle", labelled, "--html", tmp_path / "page.html")
    assert (code, out) == (2, "")
    told = "".join(line for line in told.splitlines(keepends=True) if not line.startswith("skipped "))
    assert told.startswith("error: ")
    assert fault in told
    assert told.count("\n") <= 2
    assert not list(tmp_path.glob("*page*"))


def test_a_page_that_cannot_be_written_is_told_before_the_work(labelled: Path, tmp_path: Path) -> None:
    code, out, told = evaluate(tmp_path / "absent", labelled, "--html", tmp_path / "absent" / "page.html")
    assert (code, out) == (2, "")
    assert "there is no folder" in told
