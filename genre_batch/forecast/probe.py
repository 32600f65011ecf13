"""Try a few tracks in this process, with the stages of the run, to measure what each costs."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from genre_batch.catalog.track import Track
from genre_batch.engine.cluster import Cluster, connected, pool_sizes
from genre_batch.forecast.forecast import Allocation, ProbedStratum, ProbedTrack
from genre_batch.forecast.sample import Stratum
from genre_batch.notices import waiting_for
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.fused import unfused
from genre_batch.stages.stage import Stage, StageReport
from genre_batch.wording import plural


def probe(stages: Sequence[Stage], strata: Sequence[Stratum], *, on_gpu: bool) -> list[ProbedStratum]:
    """What each track of the sample takes: reading, decoding, features and an equal share of the later stage.

    Tracks that end as rejects count with what they took. on_gpu: the later stage runs on GPUs, which takes GPU time and
    hardly any CPU, so it is not tried here. Raises UserError as the stages do.
    """
    with waiting_for(f"trying {plural(sum(len(stratum.sample) for stratum in strata), 'track')}"):
        return _measured(stages, strata, on_gpu=on_gpu)


def _measured(stages: Sequence[Stage], strata: Sequence[Stratum], *, on_gpu: bool) -> list[ProbedStratum]:
    first, last = unfused(stages)
    extract = _worker(first)
    # the first track of a process also pays for tables and FFT plans that are made once
    for stratum in strata[:1]:
        extract.run(stratum.sample[:1])
    blocks: list[object] = []
    probed = [
        ProbedStratum(stratum.tracks, tuple(_probe_track(extract, track, blocks) for track in stratum.sample))
        for stratum in strata
    ]
    predict_s = 0.0 if on_gpu else _predict_s(last, blocks) / len(blocks)
    return [_plus_cpu(stratum, predict_s) for stratum in probed]


def available_cluster() -> Cluster:
    """The cluster at RAY_ADDRESS, or this machine if that is not set."""
    if os.environ.get("RAY_ADDRESS", "local") == "local":
        return Cluster(float(os.cpu_count() or 1), 0.0, own=True)
    with connected() as cluster:
        return cluster


def allocate(cluster: Cluster, stages: Sequence[Stage], *, batches: int) -> Allocation:
    """The cores and GPUs of `cluster` that a run of `batches` batches would hold."""
    sizes = list(zip(stages, pool_sizes(cluster, stages, batches=batches), strict=True))
    cpus = sum(stage.num_cpus * size for stage, size in sizes)
    return Allocation(min(cluster.cpus, cpus), sum(stage.num_gpus * size for stage, size in sizes))


def _worker(stage: Stage) -> Any:
    return stage.worker(*stage.arguments)


def _probe_track(extract: Any, track: Track, blocks: list[object]) -> ProbedTrack:
    block, report = extract.run([track])
    blocks.append(block)
    return ProbedTrack(report.cpu_s, report.bytes_read, report.reads)


def _predict_s(stage: Stage, blocks: Sequence[Any]) -> float:
    """CPU seconds to run `stage` on all `blocks` as one batch: alone, each track would pay for a call of its own.

    blocks: one for each track, or one for each track and model.
    """
    batch = (
        _batch(blocks) if isinstance(blocks[0], FeatureBlock) else [_batch(each) for each in zip(*blocks, strict=True)]
    )
    report: StageReport = _worker(stage).run(batch)
    return report.cpu_s


def _batch(blocks: Sequence[FeatureBlock]) -> FeatureBlock:
    rows = [np.full(len(block.segments), row, np.int32) for row, block in enumerate(blocks)]
    return FeatureBlock(np.concatenate([block.segments for block in blocks]), np.concatenate(rows), len(blocks))


def _plus_cpu(stratum: ProbedStratum, cpu_s: float) -> ProbedStratum:
    return replace(stratum, probed=tuple(replace(track, cpu_s=track.cpu_s + cpu_s) for track in stratum.probed))
