"""The image: built from files that exist, pinned, and not run as root."""

import tomllib

from cluster_files import CLUSTER, ROOT, dockerfile, rayjob
from packaging.specifiers import SpecifierSet


def _copied() -> list[str]:
    return [source for words in dockerfile() if words[0] == "COPY" for source in words[1:-1]]


def test_all_that_is_copied_exists_and_passes_the_ignore_file() -> None:
    allowed = (CLUSTER / "Dockerfile.dockerignore").read_text().split()
    for source in _copied():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in allowed


def test_the_package_can_be_built_from_what_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {"pyproject.toml", "genre_batch", project["readme"], *project["license-files"]}
    assert needed <= set(_copied())


def test_the_entry_point_of_the_job_is_in_the_image() -> None:
    paths = [word for word in rayjob()["spec"]["entrypoint"].split() if "/" in word]
    assert paths
    for path in paths:
        assert path.split("/")[0] in _copied()


def test_every_install_is_pinned() -> None:
    installs = [words for words in dockerfile() if "pip" in words]
    assert len(installs) == 2
    for words in installs:
        assert words[words.index("--constraint") + 1] == "constraints.txt"


def test_it_does_not_run_as_root() -> None:
    users = [words[1] for words in dockerfile() if words[0] == "USER"]
    assert users == ["genre"]
    last_user = max(i for i, words in enumerate(dockerfile()) if words[0] == "USER")
    assert not [words for words in dockerfile()[last_user:] if words[0] == "RUN"]


def test_its_python_is_one_that_the_package_supports() -> None:
    (version,) = [words[1].removeprefix("PYTHON_VERSION=") for words in dockerfile() if "PYTHON_VERSION=" in words[-1]]
    assert version in SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])


def test_token_authentication_is_on_in_the_image() -> None:
    assert any("RAY_AUTH_MODE=token" in words for words in dockerfile() if words[0] == "ENV")
