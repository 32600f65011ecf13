"""Where the model of a run works: in the extract actors, where nothing travels but scores, or in actors of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from genre_batch.config import ScoreConfig
from genre_batch.engine.cluster import Cluster
from genre_batch.errors import UserError
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.notices import waiting_for
from genre_batch.stages.predict import PredictPool
from genre_batch.wording import size

_CHEAP_S = 0.015
"""CPU seconds a track up to which a GPU does not pay: see docs/decisions/0042-fused-stages.md."""

_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
_LIBRARIES_BYTES = 400 << 20
_COPIES = 3
_SHARE_OF_MEMORY = 0.5
"""A loaded network takes its weights up to three times, and its libraries; the rest is for decoding and for others."""


@dataclass(frozen=True, slots=True)
class Placement:
    """fused: whether the model works in the extract actors. why: one line for people."""

    fused: bool
    why: str


def placement_of(config: ScoreConfig, cluster: Cluster) -> Placement:
    """Where the model of a run with these settings works on `cluster`.

    Raises UsageError if the bundle cannot be read, UserError if its network does not run.
    """
    pool = config.predict
    if pool.placement != "auto":
        return _placed(pool.placement == "fused", f"predict.placement is {pool.placement}")
    if own := _own_pool(pool):
        return _placed(False, f"{own} is set")
    if cluster.own:
        return _placed(False, "all actors are on this machine")
    bundle = load_bundle(config.bundle)
    need, room = needed_bytes(bundle), cluster.memory_bytes / max(1.0, cluster.cpus) * config.extract.num_cpus
    if need > room * _SHARE_OF_MEMORY:
        return _placed(False, f"it needs {size(need)} in each actor, which have {size(round(room))}")
    if not pool.gpus_each(cluster.gpus):
        return _placed(True, "there is no GPU for it")
    with waiting_for("measuring what the model costs on a CPU"):
        cost_s = measured_s(bundle.uri)
    milliseconds = f"it takes {1000 * cost_s:.0f} ms of CPU a track"
    return _placed(cost_s <= _CHEAP_S, f"{milliseconds}, and a GPU pays from {1000 * _CHEAP_S:.0f} ms")


def needed_bytes(bundle: Bundle) -> int:
    """The memory, in bytes, that one more actor with the model needs."""
    weights = sum(len(bundle.files[name]) for name in bundle.manifest.architecture.weight_files)
    return _COPIES * weights + _LIBRARIES_BYTES


@cache
def measured_s(bundle_uri: str) -> float:
    """CPU seconds that the model takes for one track, measured on one core of this machine in a process of its own."""
    command = [sys.executable, "-m", "genre_batch.model.cost", bundle_uri]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | _ONE_THREAD)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise UserError(f"the model bundle {bundle_uri} cannot be measured: {lines[-1]}", "set predict.placement")
    cost_s: float = json.loads(done.stdout)["cpu_s_per_track"]
    return cost_s


def _own_pool(pool: PredictPool) -> str:
    """The setting that asks for actors of the model's own; empty if none does."""
    asked = {"device": pool.device == "cuda", "num_gpus": bool(pool.num_gpus), "min_size": pool.min_size > 1}
    return next((f"predict.{name}" for name, asks in asked.items() if asks), "")


def _placed(fused: bool, why: str) -> Placement:
    where = "in the extract actors" if fused else "in actors of its own"
    return Placement(fused, f"the model runs {where}: {why}")
