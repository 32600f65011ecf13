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

from genre_batch.cli.app import app

JOB = Path(__file__).parents[2] / "jobs" / "evaluate.py"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """One track of each of two genres that are known to both the small and the shipped bundle."""
    for genre in ("rock", "jazz"):
        (tmp_path / "labelled" / genre).mkdir(parents=True)
        sound = audio_samples.chirp(4, 22_050, 1)
        (tmp_path / "labelled" / genre / "a.wav").write_bytes(audio_samples.encode(sound, 22_050, "wav"))
    return tmp_path / "labelled"


def evaluate(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_it_prints_the_metrics_and_whether_the_model_was_trained_on_these_tracks(
    labelled: Path, tmp_path: Path
) -> None:
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


def test_without_options_it_prints_a_readable_summary(labelled: Path, tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "bundle")
    code, out, _ = evaluate(tmp_path / "bundle", labelled)
    assert code == 0
    assert out.startswith("small-")
    assert "ROC-AUC" in out


def spoil(kind: str, labelled: Path, bundle: Path) -> None:
    """Introduce one fault into the input of `evaluate`."""
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
def test_bad_input_is_reported_in_one_sentence_and_nothing_is_written(
    kind: str, fault: str, labelled: Path, tmp_path: Path
) -> None:
    write_small_bundle(tmp_path / "bundle")
    spoil(kind, labelled, tmp_path / "bundle")
    code, out, printed = evaluate(tmp_path / "bundle", labelled, "--html", tmp_path / "page.html")
    assert (code, out) == (2, "")
    *progress, message, hint = printed.splitlines()
    assert (message[:7], hint[:6]) == ("error: ", "hint: ")
    assert fault in message
    assert all(line.startswith("skipped ") or line.endswith(" ...") for line in progress)
    assert not list(tmp_path.glob("*page*"))


def test_a_page_that_cannot_be_written_is_reported_before_the_work(labelled: Path, tmp_path: Path) -> None:
    code, out, error = evaluate(tmp_path / "absent", labelled, "--html", tmp_path / "absent" / "page.html")
    assert (code, out) == (2, "")
    assert "there is no folder" in error
