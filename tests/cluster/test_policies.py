"""The IAM policies grant no more than the job and the launcher need, and cluster/ contains no credentials."""

import json
import re
from pathlib import Path

import pytest
from cluster_files import CLUSTER, ROOT, launcher

from genre_batch.config import ScoreConfig, load

KEYS = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|-----BEGIN|(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
    r"|(?i:(secret_access_key|secret_key|password|auth_token)\s*[:=]\s*[\w\"'])"
)


@pytest.mark.parametrize("path", sorted(p for p in CLUSTER.rglob("*") if p.is_file()), ids=lambda p: p.name)
def test_nothing_looks_like_a_key(path: Path) -> None:
    assert not KEYS.search(path.read_text())


@pytest.mark.parametrize(
    "line",
    [
        "key: AKIAABCDEFGHIJKLMNOP",
        "aws_secret_access_key = abc",
        "x: " + "aB3/" * 10,
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_key_would_be_found(line: str) -> None:
    assert KEYS.search(line)


@pytest.mark.parametrize("name", ["nightly", "backfill"])
def test_the_configurations_use_the_buckets_of_the_policy(name: str) -> None:
    config = load(ScoreConfig, str(ROOT / f"configs/score/{name}.yaml"))
    assert (config.source, config.output) == ("s3://your-music-bucket/music/", "s3://your-results-bucket/genres")


def test_the_head_may_stop_only_the_nodes_of_its_cluster() -> None:
    statements = json.loads((CLUSTER / "aws/autoscaler-policy.json").read_text())["Statement"]
    (stop,) = [s for s in statements if "ec2:TerminateInstances" in _listed(s["Action"])]
    assert stop["Condition"] == {"StringEquals": {"aws:ResourceTag/ray-cluster-name": launcher()["cluster_name"]}}
    assert not any(action.endswith("*") for s in statements for action in _listed(s["Action"]))


def test_every_node_may_pull_the_image_of_the_launcher_and_nothing_else() -> None:
    statements = json.loads((CLUSTER / "aws/ecr-policy.json").read_text())["Statement"]
    allowed = {(action, s["Resource"]) for s in statements for action in _listed(s["Action"])}
    account, _, _, region, *_ = launcher()["docker"]["image"].split(".")
    repository = launcher()["docker"]["image"].partition("/")[2].partition(":")[0]
    image = f"arn:aws:ecr:{region}:{account}:repository/{repository}"
    # a login is not of one repository, so AWS accepts no narrower resource for it
    assert allowed == {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", image),
        ("ecr:BatchGetImage", image),
        ("ecr:GetDownloadUrlForLayer", image),
    }


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
