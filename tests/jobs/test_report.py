"""`jobs/report.py`, and `report` on the command line."""

import json
import subprocess
import sys
from pathlib import Path

import audio_samples
import pytest
from page_checks import read_page
from run.finished_run import finished_run
from typer.testing import CliRunner

from genre_batch.cli import app

JOB = Path(__file__).parents[2] / "jobs" / "report.py"


def report(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_it_draws_a_track_with_a_hostile_name(tmp_path: Path) -> None:
    track = tmp_path / "<script>alert(1)<\x1b[0m.flac"
    track.write_bytes(audio_samples.encode(audio_samples.chirp(4, 22_050, 1), 22_050, "flac"))
    command = [sys.executable, JOB, "--track", track, tmp_path / "track.html", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["page"] == str(tmp_path / "track.html")
    page = read_page((tmp_path / "track.html").read_text(encoding="utf-8"))
    assert page.title == str(track).replace("\x1b", "\\x1b")
    assert len(page.images) == 8


def test_it_shows_a_run(tmp_path: Path) -> None:
    finished_run(tmp_path / "out")
    assert report(tmp_path / "out", tmp_path / "run.html")[0] == 0
    assert len(read_page((tmp_path / "run.html").read_text(encoding="utf-8")).images) == 3


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["out", "{}/page.html"], "no finished run"),
        (["{}/page.html"], "neither a run nor a track"),
        ([], "output: "),
        (["out", "{}/page.html", "--track", "a.wav"], "both a run and a track"),
        (["--track", "{}/absent.wav", "{}/page.html"], "does not exist"),
        (["--track", "{}/bad.wav", "{}/page.html"], "cannot be heard"),
        (["--track", "{}/bad.wav", "{}/page.html", "--bundle", "{}/no-bundle"], "no model bundle"),
        (["--track", "{}/bad.wav", "{}/absent/page.html"], "there is no folder"),
        (["out", "{}/page.html", "--set", "run_id=../../x"], "run_id"),
    ],
)
def test_wrong_usage_is_one_sentence_and_leaves_nothing(arguments: list[str], fault: str, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF" + b"\0" * 100)
    code, out, told = report(*(argument.format(tmp_path) for argument in arguments))
    assert (code, out) == (2, "")
    assert told.startswith("error: ")
    assert fault in told
    assert [path.name for path in tmp_path.iterdir()] == ["bad.wav"]
