"""`jobs/evaluate.py` with the shipped bundle."""

import json
import subprocess
import sys
from pathlib import Path

import audio_samples

JOB = Path(__file__).parents[2] / "jobs" / "evaluate.py"


def evaluate(labelled: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, JOB, "default", labelled, "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_prints_the_figures_and_says_that_the_tracks_are_new_to_the_model(tmp_path: Path) -> None:
    for genre in ("rock", "jazz"):
        (tmp_path / genre).mkdir()
        sound = audio_samples.chirp(4, 22_050, 1)
        (tmp_path / genre / "a.wav").write_bytes(audio_samples.encode(sound, 22_050, "wav"))
    done = evaluate(tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["trained_on_this_data"] is False
    assert 0.0 <= report["metrics"]["accuracy"] <= 1.0
    assert {"macro_f1", "confusion_matrix"} <= set(report["metrics"])


def test_a_genre_that_the_model_does_not_know_is_wrong_usage(tmp_path: Path) -> None:
    for genre in ("rock", "polka"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / "a.wav").write_bytes(audio_samples.encode(audio_samples.chirp(4, 22_050, 1), 22_050, "wav"))
    done = evaluate(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "polka" in done.stderr
