"""`schema`; `verify` and `gc` are tested in `tests/verify/` and `tests/jobs/`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genre_batch.cli.app import app


def test_schema_prints_json() -> None:
    done = CliRunner().invoke(app, ["schema", "score"])
    assert done.exit_code == 0
    assert "max_reject_rate" in json.loads(done.stdout)["properties"]


def test_schema_of_something_else() -> None:
    done = CliRunner().invoke(app, ["schema", "nothing"])
    assert done.exit_code == 2
    assert "error: there is no config file for 'nothing'\n" in done.stderr


@pytest.mark.parametrize("verb", ["verify", "gc"])
def test_without_an_output(verb: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [verb])
    assert done.exit_code == 2
    assert "error: OUTPUT is missing\n" in done.stderr
