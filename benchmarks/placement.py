"""What it saves to run the model in the extract actors: the same batch in each `predict.placement`, in turns.

    python benchmarks/placement.py [--rounds 10] [--tracks 16] [--bundles default cheap] [--nodes]

Prints one JSON object: for each bundle the CPU seconds per track of all processes, Ray's included, without start-up, in
each placement, and fused over separate; each is the median of the rounds. Both placements have one actor per stage on
the same local Ray and work one after the other, so that a machine that slows down slows down both. With `--nodes` each
actor has a node of its own, as on several machines: features go from one object store to another over the loopback.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import psutil
import ray
from pipeline import catalog

from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig, load
from genre_batch.demo.encode import Encoding
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.ray_actors import RayActors
from genre_batch.pipeline import score_flow
from genre_batch.schedule.events import Returned
from genre_batch.storage.local import LocalStore

PLACEMENTS = ("separate", "fused")
HERE = Cluster(2.0, 0.0, own=True)


class Chain:
    """One actor of each stage of a placement."""

    def __init__(self, placement: str, bundle: str) -> None:
        overrides = [f"predict.placement={placement}", f"bundle={bundle}"]
        self._stages = score_flow(load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"}), HERE).stages
        self.actors = RayActors(self._stages)
        self._calls = 0
        for stage in range(len(self._stages)):
            self.actors.start(stage)
        while len(self.actors.started()) < len(self._stages):
            list(self.actors.wait(timeout_s=0.5))

    def cpu_s(self, tracks: Sequence[Track]) -> float:
        """CPU seconds per track of all processes for one batch."""
        start_s, block = tree_cpu_s(), None
        for event in self.actors.started():
            call, self._calls = self._calls, self._calls + 1
            self.actors.send(event.actor, call, list(tracks), block)
            while not any(isinstance(answer, Returned) for answer, _ in self.actors.wait(timeout_s=5.0)):
                pass
            block = call
        for call in range(self._calls):
            self.actors.forget(call)
        return (tree_cpu_s() - start_s) / len(tracks)


def start_ray(*, nodes: bool) -> None:
    """One node with room for all actors or, if `nodes`, a node for each actor and one for the driver."""
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    if not nodes:
        ray.init(address="local", num_cpus=4, **quiet)
        return
    from ray.cluster_utils import Cluster as Nodes

    cluster = Nodes(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(3):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    cluster.wait_for_nodes()


def tree_cpu_s() -> float:
    """CPU seconds of this process and its descendants, ended ones included."""
    times = [process.cpu_times() for process in (psutil.Process(), *psutil.Process().children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def compare(bundle: str, tracks: Sequence[Track], rounds: int) -> dict[str, float]:
    """The figures of one bundle."""
    chains = {placement: Chain(placement, bundle) for placement in PLACEMENTS}
    found: dict[str, list[float]] = {placement: [] for placement in PLACEMENTS}
    for number in range(rounds + 1):
        for placement in PLACEMENTS[:: 1 if number % 2 else -1]:
            cpu_s = chains[placement].cpu_s(tracks)
            if number:  # the first one also pays for tables that are made once
                found[placement].append(cpu_s)
    for chain in chains.values():
        chain.actors.stop_all()
    time.sleep(1.0)
    ratios = [fused / separate for fused, separate in zip(found["fused"], found["separate"], strict=True)]
    return {
        **{placement: round(median(values), 4) for placement, values in found.items()},
        "ratio": round(median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tracks", type=int, default=16)
    parser.add_argument("--bundles", nargs="+", default=["default", "cheap"])
    parser.add_argument("--nodes", action="store_true")
    given = parser.parse_args()
    start_ray(nodes=given.nodes)
    with tempfile.TemporaryDirectory() as folder:
        catalog(Path(folder) / "in", given.tracks, Encoding.MP3)
        listed = [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in LocalStore().list(f"{folder}/in/")]
        figures = {bundle: compare(bundle, listed, given.rounds) for bundle in given.bundles}
    print(json.dumps(figures, indent=1))
