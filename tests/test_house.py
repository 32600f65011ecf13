"""The rules of the house that no linter checks."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from statistics import median

import pytest

from benchmarks.house import House
from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.sink.schema import REJECTS, SCORES

ROOT = Path(__file__).parents[1]
FOLDERS = {".ci", "jobs", "genre_batch", "cluster", "configs", "tests", "benchmarks", "docs"}
MAX_FILE_BYTES = 5_000_000
MAX_LINES = 300
TESTS_OF_SEVERAL_FILES = {
    "decode/test_bombs.py",
    "decode/test_mutations.py",
    "publish/test_serving_docs.py",
    "reports/test_in_browser.py",
    "sink/test_killed_driver.py",
}
FILES_OF_TYPES_ONLY = {
    "catalog/test_track.py",
    "decode/test_audio_reader.py",
    "engine/test_workload.py",
    "model/test_devices.py",
    "schedule/test_events.py",
    "schedule/test_limits.py",
    "stages/test_feature_block.py",
    "storage/test_store.py",
    "verify/test_verify_config.py",
    "test_errors.py",
}
ONE_IMPORTER_BUT_APART = {
    "genre_batch/engine/machine.py",
    "genre_batch/features/librosa_handler.py",
}
"""Loaded by processes that must not load the modules that import or name them."""
MOST_FILES = {"column": 4, "sink": 2, "metric": 2, "network": 2, "front end": 2, "codec": 1}
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOUSE = House(ROOT)


def _tracked() -> list[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _python() -> list[Path]:
    return [path for path in _tracked() if path.suffix == ".py"]


def test_there_are_no_other_top_level_folders() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in _tracked() if path.parent != ROOT}
    assert folders <= FOLDERS


def test_no_file_is_large() -> None:
    assert [path for path in _tracked() if path.stat().st_size > MAX_FILE_BYTES] == []


def test_python_files_are_short() -> None:
    assert [path for path in _python() if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES] == []


def test_the_package_has_few_small_files() -> None:
    assert 90 <= median(HOUSE.lines.values()) <= 130
    assert set(HOUSE.small_files_with_one_importer()) == ONE_IMPORTER_BUT_APART


def test_a_name_means_one_thing() -> None:
    assert HOUSE.homonyms() == {}


@pytest.mark.parametrize("kind", MOST_FILES)
def test_a_change_costs_few_files(kind: str) -> None:
    files = HOUSE.cost_of_change()[kind]
    assert 1 <= len(files) <= MOST_FILES[kind], files


def test_packages_contain_only_a_docstring() -> None:
    packages = [path for path in _python() if path.name == "__init__.py"]
    assert packages
    for path in packages:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


def test_no_file_or_folder_is_called_utils() -> None:
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
    assert {str(test) for test in in_rooms - mirrored} == TESTS_OF_SEVERAL_FILES
    assert {str(test) for test in mirrored - tests} == FILES_OF_TYPES_ONLY


def test_every_job_has_a_test() -> None:
    jobs = {job.stem for job in (ROOT / "jobs").glob("*.py")}
    assert jobs == {test.stem.removeprefix("test_") for test in (ROOT / "tests" / "jobs").glob("test_*.py")}


def test_constraints_are_pinned_versions_without_addresses() -> None:
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


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def test_ci_runs_every_command_in_the_readme() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    commands = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    assert {"make demo", "make test"} <= set(commands)
    run_by_ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    for command in filter(None, commands):
        assert re.search(rf"^step {re.escape(command)}$", run_by_ci, re.MULTILINE), command


def test_the_docs_explain_every_reject_reason() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", _page("troubleshooting"), re.MULTILINE))
    assert set(rows) == {str(reason) for reason in RejectReason}
    assert {reason for reason, again in rows.items() if again == "yes"} == {str(reason) for reason in TRANSIENT}


def test_the_docs_name_every_column() -> None:
    for heading, schema in (("scores", SCORES), ("rejects", REJECTS)):
        table = _page("output").split(f"## `{heading}`")[1].split("\n#")[0]
        named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
        assert named == set(schema.names), heading
