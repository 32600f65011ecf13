"""A run on a cluster of several machines whose head is to do no work."""

import json
import time
from collections.abc import Iterator

import pytest
import ray
from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
from ray.cluster_utils import Cluster as SeveralNodes
from ray.experimental.internal_kv import _internal_kv_get
from two_stages import Role

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import current_cluster, pool_sizes
from genre_batch.engine.ramp import grown_for
from genre_batch.engine.ray_actors import RayActors
from genre_batch.pipeline import score_flow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture
def cluster() -> Iterator[SeveralNodes]:
    """A head without CPUs and two machines of two."""
    made = SeveralNodes(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=2)
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


def asked_for() -> list[dict[str, float]]:
    """What the autoscaler of the cluster is asked to make room for."""
    found: list[dict[str, float]] = json.loads(_internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL))
    return found


def test_no_actor_is_on_the_head_and_all_cpus_are_used(cluster: SeveralNodes) -> None:
    config = load(ScoreConfig, None, ["bundle=cheap", "predict.min_size=3"], {"source": "/in", "output": "/out"})
    found = current_cluster(own=False)
    assert found.cpus == 4.0
    stages = score_flow(config, found).stages
    actors = RayActors(stages)
    try:
        for stage, size in ((Role.EXTRACT, 4), (Role.PREDICT, 3)):
            assert pool_sizes(found, stages, batches=100)[stage] >= size
            for _ in range(size):
                actors.start(stage)
        end_s = time.monotonic() + 600
        while len(actors.started()) < 7 and time.monotonic() < end_s:
            list(actors.wait(timeout_s=0.5))
        machines = [actor.machine for actor in actors._actors.values()]
    finally:
        actors.stop_all()
    with grown_for(stages, 90_000, own=False):
        assert asked_for() == [{"CPU": 1.0}] * 30
    assert asked_for() == []
    head = cluster.head_node.node_id
    workers = {node["NodeID"] for node in ray.nodes()} - {head}
    assert len(machines) == 7
    assert set(machines) == workers
