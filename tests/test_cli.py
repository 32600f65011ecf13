"""The command line: exit codes, one-sentence errors on stderr, and no partial output."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genre_batch.cli.app import app
from genre_batch.model import bundle as bundle_module

CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command in this process, which has loaded its libraries already; `run_alone` is how users run it."""
    without = {key: None for key in os.environ if key.startswith("AWS_")}
    done = CliRunner().invoke(app, arguments, env=without | (env or {}))
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def run_alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genre_batch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=CLEAN, check=False)


def failure(result: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """The message of a command that must fail, after checks of its exit code and output."""
    assert result.returncode == exit_code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    # a slow machine may say before that what it waits for
    error, *hint = [line for line in result.stderr.strip().splitlines() if not line.endswith(" ...")]
    assert error.startswith("error: ")
    assert len(hint) <= 1
    assert all(line.startswith("hint: ") for line in hint)
    return error.removeprefix("error: ")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"RIFF")
    return folder


def test_help_loads_neither_ray_nor_torch() -> None:
    code = (
        "import sys; from genre_batch.cli.app import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'ray', 'torch', 'pandas', 'librosa', 'scipy', 'boto3', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    assert all(verb in result.stdout for verb in ("index", "score", "train", "evaluate", "demo"))


def test_an_unknown_option() -> None:
    result = run_alone("score", "--nonsense")
    assert result.returncode == 2
    assert "nonsense" in result.stderr


def test_a_missing_folder(tmp_path: Path) -> None:
    message = failure(run_alone("score", str(tmp_path / "absent"), str(tmp_path / "out")), 2)
    assert "absent" in message
    assert not (tmp_path / "out").exists()


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert failure(run("score", str(tmp_path / "in"), str(tmp_path / "out")), 2)
    assert not (tmp_path / "out").exists()


def test_an_unknown_key(music: Path, tmp_path: Path) -> None:
    message = failure(run("score", str(music), str(tmp_path / "out"), "--set", "extract.maxsize=3"), 2)
    assert "extract.maxsize: unknown key" in message
    assert not (tmp_path / "out").exists()


def test_arguments_that_are_missing_have_the_names_of_the_help(music: Path) -> None:
    assert failure(run("score", str(music)), 2) == "OUTPUT is missing"
    assert failure(run("evaluate", "default"), 2) == "LABELLED is missing"
    # also if there are other faults
    words = run("score", "--set", "num_gpus=1")
    assert failure(words, 2) == "invalid configuration: SOURCE and OUTPUT are missing; num_gpus: unknown key"
    assert "hint: did you mean predict.num_gpus?" in words.stderr


def test_a_bundle_with_a_wrong_hash(music: Path, tmp_path: Path) -> None:
    shipped = Path(bundle_module.__file__).parent / "bundles" / "default"
    shutil.copytree(shipped, tmp_path / "bundle")
    weights = tmp_path / "bundle" / bundle_module.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    message = failure(run("score", str(music), str(tmp_path / "out"), "--set", f"bundle={tmp_path / 'bundle'}"), 2)
    assert "sha256" in message
    assert not (tmp_path / "out").exists()


def test_a_missing_bundle(music: Path, tmp_path: Path) -> None:
    message = failure(run("score", str(music), str(tmp_path / "out"), "--set", "bundle=/nowhere"), 2)
    assert "/nowhere" in message


def test_an_output_that_is_a_file(music: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    message = failure(run("score", str(music), str(tmp_path / "out")), 2)
    assert "out" in message
    assert (tmp_path / "out").read_text() == "in the way"


def test_no_credentials(tmp_path: Path) -> None:
    environment = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/none", "HOME": str(tmp_path)}
    message = failure(run("score", "s3://some-bucket/music", str(tmp_path / "out"), env=environment), 2)
    assert "credentials" in message
    assert not (tmp_path / "out").exists()


def test_an_unknown_profile_is_named(tmp_path: Path) -> None:
    message = failure(run("score", "s3://some-bucket/music", str(tmp_path / "out"), env={"AWS_PROFILE": "nope"}), 2)
    assert message == "'s3://some-bucket/music/' cannot be read: AWS profile 'nope' not found."


def test_a_missing_bucket(moto_s3: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    message = failure(run("score", "s3://no-such-bucket/music", str(tmp_path / "out"), env=environment), 2)
    assert "no-such-bucket" in message


def test_plan_reports_what_would_be_done_and_does_nothing(music: Path, tmp_path: Path) -> None:
    result = run("score", str(music), str(tmp_path / "out"), "--plan", "--json")
    assert result.returncode == 0, result.stderr
    plan = json.loads(result.stdout)
    assert (plan["listed"], plan["skipped"], plan["tracks"], plan["resumes"]) == (1, 0, 1, None)
    assert not (tmp_path / "out").exists()


def test_index_writes_a_listing_once(music: Path, tmp_path: Path) -> None:
    result = run_alone("index", str(music), str(tmp_path / "listing"), "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["tracks"] == 1
    assert list((tmp_path / "listing").glob("*.parquet"))
    assert "not empty" in failure(run("index", str(music), str(tmp_path / "listing")), 2)
