"""The image is built from files that exist and pinned packages, and does not run as root."""

import json
import runpy
import tomllib
from pathlib import Path

import pytest
from cluster_files import CLUSTER, ROOT, dockerfile, rayjob
from packaging.specifiers import SpecifierSet


def _copied() -> list[str]:
    return [source for words in dockerfile() if words[0] == "COPY" for source in words[1:-1]]


def test_everything_copied_exists_and_is_not_ignored() -> None:
    allowed = (CLUSTER / "Dockerfile.dockerignore").read_text().split()
    for source in _copied():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in allowed


def test_the_copied_files_suffice_to_build_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {"pyproject.toml", "genre_batch", project["readme"], *project["license-files"]}
    assert needed <= set(_copied())


def test_what_the_wheel_includes_is_copied_before_it_is_built() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for stage in (_stages()[target] for target in TARGETS):
        before = stage[: next(i for i, words in enumerate(stage) if words[1:4] == ["uv", "pip", "install"])]
        copied = {source for words in before if words[0] == "COPY" for source in words[1:-1]}
        assert {path.split("/")[0] for path in build["force-include"]} <= copied


def test_the_entry_point_of_the_job_is_in_the_image() -> None:
    paths = [word for word in rayjob()["spec"]["entrypoint"].split() if "/" in word]
    assert paths
    for path in paths:
        assert path.split("/")[0] in _copied()


def _stages() -> dict[str, list[list[str]]]:
    """The instructions of each stage by its name, those of the stage it starts from first."""
    stages: dict[str, list[list[str]]] = {}
    for words in dockerfile():
        if words[0] == "FROM":
            assert words[2] == "AS"
            stage = stages[words[3]] = [*stages.get(words[1], []), words]
        elif stages:
            stage.append(words)
    return stages


TARGETS = ["cpu", "cuda"]


def test_every_install_is_pinned_and_leaves_no_cache() -> None:
    installs = [words for words in dockerfile() if "pip" in words]
    assert len(installs) == 3
    for words in installs:
        assert words[words.index("--constraint") + 1] == "constraints.txt"
        assert {"--no-cache", "--no-cache-dir"} & set(words)


@pytest.mark.parametrize("target", TARGETS)
def test_the_package_is_installed_with_the_extras_of_a_run_and_compiled(target: str) -> None:
    (words,) = [words for words in _stages()[target] if words[1:4] == ["uv", "pip", "install"]]
    extras = words[-1].strip("'").removeprefix(".[").removesuffix("]").split(",")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) == {"delta", "iceberg", "onnx", "report", "transformers"} <= set(known)
    assert "--compile-bytecode" in words
    assert ("--torch-backend cpu" in " ".join(words)) == (target == "cpu")


@pytest.mark.parametrize("target", TARGETS)
def test_it_does_not_run_as_root(target: str) -> None:
    words = [words for words in _stages()[target] if words[0] == "USER"]
    assert words == [["USER", "genre"]]


@pytest.mark.parametrize("target", TARGETS)
def test_librosa_is_compiled_by_the_user_who_runs_it_for_every_cpu(target: str) -> None:
    stage = _stages()[target]
    assert "load_librosa()'" in stage[-1]
    assert stage.index(["USER", "genre"]) < len(stage) - 1
    (settings,) = [words for words in stage if words[0] == "ENV"]
    assert "NUMBA_CPU_NAME=generic" in settings


def test_the_dockerfile_follows_the_rules_of_hadolint() -> None:
    """Those that apply here: DL3002, 3003, 3004, 3006, 3007, 3008, 3009, 3015, 3020, 3025, 4000, 4006."""
    text = [" ".join(words) for words in dockerfile()]
    for line in text:
        assert not line.startswith(("ADD ", "MAINTAINER "))
        assert not (line.startswith("RUN ") and any(word in line.split() for word in ("sudo", "cd", "|")))
        if "apt-get install" in line:
            assert "--no-install-recommends" in line
            assert "--yes" in line
            assert "rm -rf /var/lib/apt/lists/*" in line
        if line.startswith(("CMD ", "ENTRYPOINT ")):
            assert isinstance(json.loads(line.partition(" ")[2]), list)
    stages = list(_stages())
    for words in dockerfile():
        if words[0] == "FROM":
            assert words[1] in stages or (":" in words[1] and "latest" not in words[1])


def test_the_package_supports_its_python_version() -> None:
    (version,) = [words[1].removeprefix("PYTHON_VERSION=") for words in dockerfile() if "PYTHON_VERSION=" in words[-1]]
    assert version in SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])


def test_the_notices_of_others_come_with_package_and_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["license-files"]) == {"LICENSE", "NOTICE"} <= set(_copied())


def test_the_trial_without_docker_does_all_that_needs_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = runpy.run_path(str(ROOT / ".ci/try_image.py"))
    ran: list[tuple[list[str], Path, dict[str, str]]] = []

    def run(command: list[str], cwd: Path, env: dict[str, str], check: bool) -> None:
        ran.append((command, cwd, env))

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("venv.create", lambda *_, **__: None)
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    trial["build"](tmp_path / "home")
    instructions = [" ".join(words[1:]) for words in _stages()["cpu"] if words[0] == "RUN"]
    wanted = [line for line in instructions if not line.startswith(("apt-get", "useradd"))]
    assert [command[-1] for command, _, _ in ran] == [line.replace(" --system", "") for line in wanted]
    assert len(wanted) == len(instructions) - 2
    for _, folder, env in ran:
        assert (env["NUMBA_CPU_NAME"], env["RAY_AUTH_MODE"]) == ("generic", "token")
        assert {path.name for path in folder.iterdir()} == set(_copied())


def test_token_authentication_is_on_in_the_image() -> None:
    settings = [word for words in dockerfile() if words[0] == "ENV" for word in words if "RAY_AUTH_MODE" in word]
    assert settings == ["RAY_AUTH_MODE=token"]
