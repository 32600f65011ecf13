"""The objects for Kubernetes have only fields that KubeRay and Kubernetes know; a server drops others in silence."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
import yaml
from cluster_files import CLUSTER, Yaml, faults, kubernetes_objects, rayjob

NAMES = [f"{item['kind']} {item['metadata']['name']}" for item in kubernetes_objects()]


def the(kind: str) -> Yaml:
    (item,) = [item for item in kubernetes_objects() if item["kind"] == kind]
    return item


def groups(node: Yaml) -> Iterator[Yaml]:
    """Every object within `node` whose fields the schema knows: not those that only hold names and values."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in ("annotations", "labels", "rayStartParams", "requests", "limits"):
                yield from groups(value)
        yield node
    elif isinstance(node, list):
        for value in node:
            yield from groups(value)


@pytest.mark.parametrize("item", kubernetes_objects(), ids=NAMES)
def test_every_field_is_known_and_has_its_type(item: Yaml) -> None:
    assert faults(item) == []


@pytest.mark.parametrize("item", kubernetes_objects(), ids=NAMES)
def test_an_unknown_field_would_be_found_in_every_place(item: Yaml) -> None:
    for place in range(len(list(groups(item)))):
        changed = deepcopy(item)
        list(groups(changed))[place]["unknownField"] = 1
        assert faults(changed), place


def test_a_value_of_the_wrong_type_would_be_found() -> None:
    changed = deepcopy(rayjob())
    changed["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["maxReplicas"] = "50"
    assert faults(changed)


def test_the_nightly_job_never_runs_twice_at_once() -> None:
    assert the("CronJob")["spec"]["concurrencyPolicy"] == "Forbid"
    pod = the("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (start,) = pod["containers"]
    assert start["command"] == ["python", "/job/start_rayjob.py", "/job/rayjob.yaml", "$(JOB_NAME)"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"] is True


def test_the_starter_may_create_and_read_rayjobs_and_nothing_else() -> None:
    rule = {"apiGroups": ["ray.io"], "resources": ["rayjobs"], "verbs": ["create", "get"]}
    assert the("Role")["rules"] == [rule]
    account = the("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["serviceAccountName"]
    assert [subject["name"] for subject in the("RoleBinding")["subjects"]] == [account]
    assert the("RoleBinding")["roleRef"]["name"] == the("Role")["metadata"]["name"]


def test_kustomize_finds_its_files_and_makes_the_volume_of_the_nightly_job() -> None:
    folder = CLUSTER / "kuberay"
    parts = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (files,) = parts["configMapGenerator"]
    assert all((folder / name).is_file() for name in parts["resources"] + files["files"])
    (volume,) = the("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]
    assert volume["configMap"]["name"] == files["name"]


def test_the_cluster_that_stays_is_that_of_the_job() -> None:
    assert the("RayCluster")["spec"] == rayjob()["spec"]["rayClusterSpec"]
