"""The files of cluster/, parsed."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "cluster"

Yaml = Any
"""Whatever YAML holds; tests look into it without a model of it."""


def launcher() -> Yaml:
    return yaml.safe_load((CLUSTER / "aws/launcher.yaml").read_text())


def rayjob() -> Yaml:
    (job,) = [item for item in _kubernetes_objects() if item["kind"] == "RayJob"]
    return job


def service_account() -> Yaml:
    (account,) = [item for item in _kubernetes_objects() if item["kind"] == "ServiceAccount"]
    return account


def pod_specs() -> list[Yaml]:
    """Those of the head and of all worker groups."""
    cluster = rayjob()["spec"]["rayClusterSpec"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def dockerfile() -> list[list[str]]:
    """Instructions as words, with continued lines joined and comments dropped."""
    lines = (CLUSTER / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    return [line.split() for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


def pinned(package: str) -> str:
    """The package's version in constraints.txt."""
    (version,) = re.findall(rf"^{package}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return str(version)


def _kubernetes_objects() -> list[Yaml]:
    return list(yaml.safe_load_all((CLUSTER / "kuberay/rayjob.yaml").read_text()))
