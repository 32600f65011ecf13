"""The files of cluster/, parsed."""

import re
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "cluster"

Yaml = Any
"""Parsed YAML, which the tests index without declaring its structure."""


def launcher() -> Yaml:
    return yaml.safe_load((CLUSTER / "aws/launcher.yaml").read_text())


def rayjob() -> Yaml:
    (job,) = [item for item in kubernetes_objects() if item["kind"] == "RayJob"]
    return job


def service_account() -> Yaml:
    accounts = [item for item in kubernetes_objects() if item["kind"] == "ServiceAccount"]
    return next(item for item in accounts if item["metadata"]["name"] == "genre-batch")


def pod_specs() -> list[Yaml]:
    """The pod specs of the head and of all worker groups."""
    cluster = rayjob()["spec"]["rayClusterSpec"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def dockerfile() -> list[list[str]]:
    """The instructions as lists of words, with continued lines joined and comments removed."""
    lines = (CLUSTER / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    return [line.split() for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


def pinned(package: str) -> str:
    """The version of `package` in constraints.txt."""
    (version,) = re.findall(rf"^{package}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return str(version)


def kubernetes_objects() -> list[Yaml]:
    """Every object in the files of cluster/kuberay/, without the one that only kustomize reads."""
    files = sorted((CLUSTER / "kuberay").glob("*.yaml"))
    objects = [item for file in files for item in yaml.safe_load_all(file.read_text())]
    return [item for item in objects if item["kind"] != "Kustomization"]


def faults(item: Yaml) -> list[str]:
    """What is wrong with an object for Kubernetes, by the fields that KubeRay and Kubernetes know."""
    definitions = yaml.safe_load((ROOT / "tests/cluster/kuberay.yaml").read_text())["$defs"]
    schema = {"$ref": f"#/$defs/{item['kind']}", "$defs": definitions}
    return [error.message for error in Draft202012Validator(schema).iter_errors(item)]
