"""`jobs/report.py`, and `report` on the command line."""

import json
import subprocess
import sys
from pathlib import Path

import audio_samples
import pytest
from page_checks import read_page
from reports.finished_run import finished_run
from sink.shard_rows import RUN_ID
from typer.testing import CliRunner

from genre_batch.cli.app import app

JOB = Path(__file__).parents[2] / "jobs" / "report.py"


def report(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_it_writes_the_page_of_a_track_with_a_hostile_name(tmp_path: Path) -> None:
    track = tmp_path / "<script>alert(1)<\x1b[0m.flac"
    track.write_bytes(audio_samples.encode(audio_samples.chirp(4, 22_050, 1), 22_050, "flac"))
    command = [sys.executable, JOB, "--track", track, tmp_path / "track.html", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["page"] == str(tmp_path / "track.html")
    page = read_page((tmp_path / "track.html").read_text(encoding="utf-8"))
    assert page.title == str(track).replace("\x1b", "\\x1b")
    assert len(page.drawings) == 8


def test_it_writes_the_page_of_a_run(tmp_path: Path) -> None:
    finished_run(tmp_path / "out")
    assert report(tmp_path / "out", tmp_path / "run.html", "--run", RUN_ID)[0] == 0
    assert len(read_page((tmp_path / "run.html").read_text(encoding="utf-8")).drawings) == 3
    assert report(tmp_path / "out", tmp_path / "catalog.html")[0] == 0
    assert len(read_page((tmp_path / "catalog.html").read_text(encoding="utf-8")).drawings) == 4


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["out", "{}/page.html"], "there is no table"),
        (["out", "{}/page.html", "--run", "20261121T065212Z-000000"], "no finished run"),
        (["{}/page.html"], "there is no table"),
        ([], "neither a catalog nor a track"),
        (["out", "{}/page.html", "--track", "a.wav"], "both a catalog and a track"),
        (["out", "--runs", "2"], "there is no FILE"),
        (["--track", "{}/absent.wav", "{}/page.html"], "does not exist"),
        (["--track", "{}/bad.wav", "{}/page.html"], "cannot be scored"),
        (["--track", "{}/bad.wav", "{}/page.html", "--bundle", "{}/no-bundle"], "no model bundle"),
        (["--track", "{}/bad.wav", "{}/absent/page.html"], "there is no folder"),
        (["out", "{}/page.html", "--set", "run_id=../../x"], "run_id"),
    ],
)
def test_wrong_usage_is_reported_and_nothing_is_written(arguments: list[str], fault: str, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF" + b"\0" * 100)
    code, out, error = report(*(argument.format(tmp_path) for argument in arguments))
    assert (code, out) == (2, "")
    *_, message, hint = error.splitlines()
    assert (message[:7], hint[:6]) == ("error: ", "hint: ")
    assert fault in message
    assert [path.name for path in tmp_path.iterdir()] == ["bad.wav"]
