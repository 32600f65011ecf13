"""`publish`, and `score --publish`, from the command line; the work itself is tested in `tests/publish/`."""

import json
from pathlib import Path

import audio_samples
import pytest
from outputs import write_run
from typer.testing import CliRunner

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.cli.app import app
from genre_batch.storage.local import LocalStore


def test_publish_reports_and_a_refusal_ends_with_3(tmp_path: Path) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "rock"})
    done = CliRunner().invoke(app, ["publish", str(tmp_path), "--json"])
    assert (done.exit_code, json.loads(done.stdout)["outcome"]) == (0, "published")
    bad = write_run(LocalStore(), str(tmp_path), 1, {("b", "v1"): "rock", ("c", "v1"): RejectReason.CORRUPT})
    done = CliRunner().invoke(app, ["publish", str(tmp_path)])
    assert done.exit_code == 3
    assert "  NO reject_rate: 0.5 of the tracks rejected; at most 0.25\n" in done.stdout
    assert "--set rules.max_reject_rate=..." in done.stderr
    done = CliRunner().invoke(app, ["publish", str(tmp_path), "--without", bad.run_id])
    assert (done.exit_code, f"withheld: {bad.run_id}; " in done.stdout) == (0, True)
    arguments = ["publish", str(tmp_path), "--set", "rules.max_reject_rate=0.5", "--set", "again=true"]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "published 1 run" in done.stdout) == (0, True)
    done = CliRunner().invoke(app, ["publish", str(tmp_path), "--rollback"])
    assert (done.exit_code, "rolled back" in done.stdout) == (0, True)


def test_publish_needs_a_table(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["publish", str(tmp_path)])
    assert (done.exit_code, "has finished and not failed" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("publish", [["--publish"], ["--set", "publish=true"]])
def test_score_publishes_what_it_scored(tmp_path: Path, publish: list[str]) -> None:
    (tmp_path / "in").mkdir()
    sound = audio_samples.encode(audio_samples.chirp(2, 8_000), 8_000, "flac")
    (tmp_path / "in" / "a.flac").write_bytes(sound)
    words = ["score", f"{tmp_path}/in", f"{tmp_path}/out", *publish]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert "published 1 run; served now" in done.stderr
    assert len(table.latest(f"{tmp_path}/out")) == 1
    assert (tmp_path / "out" / "_published.json").is_file()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_settings_of_score_say_how_a_run_is_published(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    sound = audio_samples.encode(audio_samples.chirp(2, 8_000), 8_000, "flac")
    for name, bytes_of in (("a.flac", sound), ("b.flac", b"not music")):
        (tmp_path / "in" / name).write_bytes(bytes_of)
    config = tmp_path / "score.yaml"
    config.write_text("max_reject_rate: 1.0\npublish: {serving: false, rules: {max_reject_rate: 0.4}}\n")
    words = ["score", f"{tmp_path}/in", f"{tmp_path}/out", "--config", str(config), "--publish"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, "reject_rate: 0.5 of the tracks rejected; at most 0.4" in done.stderr) == (3, True)
    done = CliRunner().invoke(app, [*words, "--set", "publish.rules.max_reject_rate=0.5"])
    assert (done.exit_code, "published 1 run; served now" in done.stderr) == (0, True)
    assert not (tmp_path / "out" / "serving").exists()


def test_status_is_a_table_or_json_and_errors_follow_the_log_format(tmp_path: Path) -> None:
    plan = write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "rock"})
    done = CliRunner().invoke(app, ["status", str(tmp_path)])
    assert done.exit_code == 0
    assert [line.split()[:3] for line in done.stdout.splitlines()[:2]] == [
        ["run", "kind", "state"],
        [plan.run_id, "default", "finished"],
    ]
    done = CliRunner().invoke(app, ["status", str(tmp_path), "--json"])
    assert json.loads(done.stdout)["runs"][0]["state"] == "finished"
    for words in (["--log-format", "json", "status", "/nowhere"], ["status", "/nowhere", "--log-format", "json"]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2
        assert json.loads(done.stderr)["message"] == "there is no run at '/nowhere'"
    done = CliRunner().invoke(app, ["status", "/nowhere"])
    assert done.stderr.startswith("error: there is no run")
    done = CliRunner().invoke(app, ["status", "/nowhere", "--log-format", "xml"])
    assert (done.exit_code, "there is no log format 'xml'" in done.stderr) == (2, True)
