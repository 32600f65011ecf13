"""The example of a kustomize overlay, applied as kustomize does it: no base value that is to be changed is left."""

import re
import runpy
import shlex
from copy import deepcopy
from types import SimpleNamespace

import pytest
import yaml
from cluster_files import CLUSTER, Yaml, faults

from genre_batch.config import ScoreConfig, load

OVERLAY = CLUSTER / "overlays/example"
BASE = (OVERLAY / "../../kuberay").resolve()
program = SimpleNamespace(**runpy.run_path(str(CLUSTER / "kuberay/start_rayjob.py")))


def kustomization() -> Yaml:
    return yaml.safe_load((OVERLAY / "kustomization.yaml").read_text())


def base_objects() -> list[Yaml]:
    names = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [item for name in names for item in yaml.safe_load_all((BASE / name).read_text())]


def rendered() -> list[Yaml]:
    """The objects of the base with the patches and images of the overlay."""
    overlay, objects = kustomization(), deepcopy(base_objects())
    for change in overlay["patches"]:
        wanted = change["target"]
        (item,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (wanted["kind"], wanted["name"])]
        assert item["apiVersion"] == "/".join(wanted[key] for key in ("group", "version") if key in wanted)
        for operation in yaml.safe_load(change["patch"]):
            patch(item, **operation)
    for item in objects:
        item["metadata"]["namespace"] = overlay["namespace"]
        for container in containers(item):
            name, _, _ = container["image"].partition(":")
            for image in overlay["images"]:
                if image["name"] == name:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return objects


def patch(item: Yaml, op: str, path: str, value: Yaml) -> None:
    """One operation of RFC 6902. It fails as kustomize does if a parent, or what is to be replaced, is not there."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    for part in parents:
        item = item[int(part)] if isinstance(item, list) else item[part]
    assert op == "add" or (op == "replace" and last in item)
    item[last] = value


def containers(item: Yaml) -> list[Yaml]:
    if item["kind"] != "CronJob":
        return []
    found: list[Yaml] = item["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return found


def the(kind: str, name: str) -> Yaml:
    (item,) = [o for o in rendered() if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return item


def test_the_base_is_beside_the_overlay_and_not_above_it() -> None:
    assert kustomization()["resources"] == ["../../kuberay"]
    assert (BASE / "kustomization.yaml").is_file()
    assert not OVERLAY.resolve().is_relative_to(BASE)


@pytest.mark.parametrize("item", rendered(), ids=lambda item: f"{item['kind']} {item['metadata']['name']}")
def test_every_object_stays_valid(item: Yaml) -> None:
    assert faults(item) == []


def nightly_rayjob() -> Yaml:
    """The RayJob that the CronJob of the overlay creates."""
    (start,) = containers(the("CronJob", "genre-batch-nightly"))
    words = [*start["command"][2:], *start["args"]]
    words[0] = str(BASE / words[0].removeprefix("/job/"))
    return program.as_asked(program.read_options(words))


def test_the_rayjob_has_the_image_the_buckets_and_the_account_of_the_overlay() -> None:
    rayjob = nightly_rayjob()
    assert faults(rayjob | {"metadata": {"name": "nightly-1"}}) == []
    (image,) = kustomization()["images"]
    own = f"{image['newName']}:{image['newTag']}"
    pods = [pod["containers"][0] for pod in program._pods(rayjob)]
    assert {pod["image"] for pod in pods if "nvidia.com/gpu" not in pod["resources"]["limits"]} == {own}
    assert {pod["image"] for pod in pods if "nvidia.com/gpu" in pod["resources"]["limits"]} == {f"{own}-cuda"}
    (start,) = containers(the("CronJob", "genre-batch-nightly"))
    assert start["image"] == own
    _, _, *words = shlex.split(rayjob["spec"]["entrypoint"])
    file, settings = words[1], words[3::2]
    config = load(ScoreConfig, str(CLUSTER.parent / file), settings)
    assert (config.source, config.output) == ("s3://example-music/albums/", "s3://example-results/genres")
    accounts = {pod["serviceAccountName"] for pod in program._pods(rayjob)}
    assert {the("ServiceAccount", name)["metadata"]["name"] for name in accounts} == accounts


def test_nothing_is_left_of_the_placeholders_of_the_base() -> None:
    text = yaml.safe_dump_all([*rendered(), nightly_rayjob()])
    assert "0" * 12 not in text
    assert not re.search(r"image: genre-batch[:\s]", text)
