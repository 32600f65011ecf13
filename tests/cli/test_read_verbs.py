"""`report`: its arguments and its figures. Its pages are tested in `tests/reports/` and `tests/jobs/`."""

import json
from pathlib import Path

from outputs import write_run
from typer.testing import CliRunner

from genre_batch.catalog.reject import RejectReason
from genre_batch.cli.app import app
from genre_batch.storage.local import LocalStore


def test_a_missing_argument_is_reported() -> None:
    done = CliRunner().invoke(app, ["report"])
    assert done.exit_code == 2
    assert "error: neither a catalog nor a track to report on" in done.stderr


def test_without_a_subject_both_ways_are_shown() -> None:
    done = CliRunner().invoke(app, ["report", "--json"])
    assert done.exit_code == 2
    assert "genre-batch report OUTPUT FILE, or --track TRACK FILE" in done.stderr


def test_the_figures_of_a_catalog_are_printed_as_text_and_as_json(tmp_path: Path) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "1"): "rock", ("b", "1"): RejectReason.CORRUPT})
    text = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert (text.exit_code, "1 track answered (50.0%)" in text.stdout) == (0, True)
    found = json.loads(CliRunner().invoke(app, ["report", str(tmp_path), "--json"]).stdout)
    assert [(each["genre"], each["tracks"]) for each in found["genres"]] == [("rock", 1)]
    assert found["rejects"][0]["examples"][0]["track_id"] == "b"
    assert found["page"] is None
