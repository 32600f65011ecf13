"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.config import ScoreConfig
from genre_batch.sink.schema import REJECTS, SCORES

ROOT = Path(__file__).parents[1]
FOLDERS = {".ci", "jobs", "genre_batch", "cluster", "configs", "tests", "benchmarks", "docs"}
MAX_FILE_BYTES = 5_000_000
MAX_LINES = 300
OF_SEVERAL_FILES = {"decode/test_bombs.py", "decode/test_mutations.py", "sink/test_killed_driver.py"}
OF_TYPES_ALONE = {
    "actors/test_blocks.py",
    "catalog/test_track.py",
    "decode/test_waveform.py",
    "model/test_devices.py",
    "schedule/test_events.py",
    "storage/test_store.py",
    "test_errors.py",
}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _tracked() -> list[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _python() -> list[Path]:
    return [path for path in _tracked() if path.suffix == ".py"]


def test_top_level_folders_are_the_agreed_ones() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in _tracked() if path.parent != ROOT}
    assert folders <= FOLDERS


def test_no_file_is_large() -> None:
    assert [path for path in _tracked() if path.stat().st_size > MAX_FILE_BYTES] == []


def test_python_files_are_short() -> None:
    assert [path for path in _python() if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES] == []


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    packages = [path for path in _python() if path.name == "__init__.py"]
    assert packages
    for path in packages:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


def test_there_is_no_room_for_odds_and_ends() -> None:
    names = {part.removesuffix(".py") for path in _python() for part in path.relative_to(ROOT).parts}
    assert not names & {"utils", "util", "helpers", "common", "misc"}


def test_jobs_are_thin() -> None:
    jobs = sorted((ROOT / "jobs").glob("*.py"))
    assert {job.stem for job in jobs} >= {"index", "score", "train", "evaluate"}
    assert [job for job in jobs if len(job.read_text(encoding="utf-8").splitlines()) > 60] == []


def test_tests_mirror_sources() -> None:
    sources = {path.relative_to(ROOT / "genre_batch") for path in _python() if ROOT / "genre_batch" in path.parents}
    tests = {path.relative_to(ROOT / "tests") for path in _python() if path.name.startswith("test_")}
    rooms = {source.parts[0] for source in sources if len(source.parts) > 1}
    mirrored = {source.with_name(f"test_{source.name}") for source in sources if source.name != "__init__.py"}
    in_rooms = {test for test in tests if test.parts[0] in rooms}
    assert {str(test) for test in in_rooms - mirrored} == OF_SEVERAL_FILES
    assert {str(test) for test in mirrored - tests} == OF_TYPES_ALONE


def test_every_job_has_its_test() -> None:
    jobs = {job.stem for job in (ROOT / "jobs").glob("*.py")}
    assert jobs == {test.stem.removeprefix("test_") for test in (ROOT / "tests" / "jobs").glob("test_*.py")}


def test_constraints_are_pins_without_any_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][A-Za-z0-9.!]*", line)] == []
    assert "torch==2.13.0" in lines
    assert lines == sorted(set(lines))


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {re.split(r"[\[<>=~! ]", item)[0].lower() for item in sum(extras.values(), project["dependencies"])}
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert wanted - {"genre-batch"} <= pinned


def test_ci_runs_every_command_that_the_readme_gives() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    commands = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    assert {"make demo", "make test"} <= set(commands)
    run_by_ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    for command in filter(None, commands):
        assert re.search(rf"^step {re.escape(command)}$", run_by_ci, re.MULTILINE), command


def test_the_readme_explains_every_reject_reason() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", README, re.MULTILINE))
    assert set(rows) == {str(reason) for reason in RejectReason}
    assert {reason for reason, again in rows.items() if again == "yes"} == {str(reason) for reason in TRANSIENT}


def test_the_readme_names_every_column() -> None:
    for heading, schema in (("scores", SCORES), ("rejects", REJECTS)):
        table = README.split(f"### `{heading}`")[1].split("\n#")[0]
        named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
        assert named == set(schema.names), heading


def test_the_readme_names_every_setting_of_score() -> None:
    named = set(re.findall(r"^\| `([\w.]+)` \|", README.split("### Settings")[1].split("\n#")[0], re.MULTILINE))
    settings = set()
    for name, field in ScoreConfig.model_fields.items():
        parts = getattr(field.annotation, "model_fields", None)
        settings |= {f"{name}.{part}" for part in parts} if parts else {name}
    assert named == settings
