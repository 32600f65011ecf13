"""A run on an existing cluster that is too small for the settings but may grow."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import audio_samples
import pytest
from ray.cluster_utils import Cluster

pytestmark = [pytest.mark.faults, pytest.mark.timeout(200)]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster of one machine with one CPU, with no driver connected."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


def test_missing_resources_are_reported_before_listing_and_while_waiting(cluster: Cluster, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    sound = audio_samples.chirp(2, 44_100)
    (source / "song.wav").write_bytes(audio_samples.encode(sound, 44_100, "wav"))
    command = [sys.executable, "-m", "genre_batch", "score", str(source), str(output)]
    command += ["--set", "extract.num_cpus=2", "--set", "predict.num_gpus=1"]
    environment = os.environ | {"RAY_ADDRESS": cluster.address}
    driver = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert driver.stderr is not None
    # a slow machine may say before that what it waits for
    assert next(line for line in driver.stderr if not line.endswith(" ...\n")) == (
        "the run asks for 2 CPUs and 1 GPUs, the cluster offers 1 CPUs and 0 GPUs; waiting for the rest\n"
    )
    waiting = next(line for line in driver.stderr if line.startswith("waiting"))
    assert waiting == (
        "waiting for Ray, which has started 0 of 1 extract actors (2 CPUs each) and 0 of 1 predict actors "
        "(1 GPUs each); the cluster has 1 CPUs and 0 GPUs\n"
    )
    driver.terminate()
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 130
    assert "start again to continue" in stderr
