"""Every file of cluster/ that starts Ray requires a token and does not contain one."""

import re
from pathlib import Path

import pytest
import yaml
from cluster_files import CLUSTER

STARTS_RAY = re.compile(r"ray start|kind: Ray(Cluster|Job|Service)|ray_bootstrap|FROM python")
ASKS_FOR_TOKEN = {
    "Dockerfile": re.compile(r"^    RAY_AUTH_MODE=token\b", re.MULTILINE),
    "launcher.yaml": re.compile(r"^    - --env RAY_AUTH_MODE=token$", re.MULTILINE),
    "rayjob.yaml": re.compile(r"^    authOptions:\n      mode: token$", re.MULTILINE),
    "raycluster.yaml": re.compile(r"^  authOptions:\n    mode: token$", re.MULTILINE),
}


def files_that_start_ray() -> list[Path]:
    files = [path for path in CLUSTER.rglob("*") if path.is_file() and path.suffix != ".md"]
    return [path for path in files if STARTS_RAY.search(path.read_text())]


def test_every_file_that_starts_ray_has_its_pattern() -> None:
    assert {path.name for path in files_that_start_ray()} == set(ASKS_FOR_TOKEN)


@pytest.mark.parametrize("path", files_that_start_ray(), ids=lambda path: path.name)
def test_the_file_requires_a_token_and_contains_none(path: Path) -> None:
    text = path.read_text()
    assert ASKS_FOR_TOKEN[path.name].search(text)
    assert "RAY_AUTH_TOKEN=" not in text
    assert not re.search(r"RAY_AUTH_MODE[=:]\s*\"?(?!token)", text)


def test_every_ray_object_for_kubernetes_requires_a_token() -> None:
    objects = [
        each
        for path in CLUSTER.rglob("*.yaml")
        for each in yaml.safe_load_all(path.read_text())
        if str(each.get("apiVersion", "")).startswith("ray.io/")
    ]
    assert objects
    for each in objects:
        cluster = each["spec"].get("rayClusterSpec") or each["spec"].get("rayClusterConfig") or each["spec"]
        assert cluster["authOptions"] == {"mode": "token"}
