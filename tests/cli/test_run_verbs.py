"""`init`; the verbs that run the job are tested with the job, in `tests/jobs/` and `tests/test_pipeline.py`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genre_batch.catalog.reject import RejectReason
from genre_batch.cli.app import app
from genre_batch.cli.run_verbs import reject_reasons
from genre_batch.config import ScoreConfig, load


def test_init_writes_a_config_file_with_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["init", "s3://b/music", "s3://b/genres", "--set", "extract.max_size=4", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"file": "score.yaml"}
    settings = load(ScoreConfig, str(tmp_path / "score.yaml"))
    assert (settings.source, settings.output, settings.extract.max_size) == ("s3://b/music", "s3://b/genres", 4)
    assert (tmp_path / "score.yaml").read_text().count("# ") > len(ScoreConfig.model_fields)


def test_init_needs_a_source_and_an_output(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", "--file", str(tmp_path / "score.yaml")])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "error: SOURCE and OUTPUT are missing" in done.stderr


@pytest.mark.parametrize("verb", ["index", "score", "features"])
def test_a_mistyped_address_is_corrected(verb: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [verb, "s3:/b/x", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "did you mean s3://b/x?" in done.stderr


def test_all_reasons_are_offered() -> None:
    assert set(reject_reasons()) == set(RejectReason)


def test_a_press_of_tab_loads_nothing_heavy() -> None:
    code = (
        "import sys; from genre_batch.cli.run_verbs import reject_reasons\n"
        "from genre_batch.training.recipe_files import recipe_names\n"
        "reject_reasons(), recipe_names()\n"
        "print(sorted({'ray', 'torch', 'pandas', 'librosa', 'pydantic', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
