"""A few tracks tried in this process, with the actors of the run, to see what each takes."""

import os
import sys
from collections.abc import Callable, Sequence

import numpy as np

from genre_batch.actors.blocks import FeatureBlock
from genre_batch.actors.collect import CollectFeatures
from genre_batch.actors.extract import ExtractWithFrontEnd
from genre_batch.actors.predict import PredictGenres
from genre_batch.catalog.stratified_sample import Stratum
from genre_batch.catalog.track import Track
from genre_batch.config import JobConfig
from genre_batch.engine.cluster import Cluster, connected, gpus_per_predictor, pool_sizes
from genre_batch.engine.crew import Crew, Member
from genre_batch.run.forecast import Offer, ProbedStratum, ProbedTrack
from genre_batch.schedule.events import Role


def probed(crew: Crew, strata: Sequence[Stratum], *, on_gpu: bool) -> list[ProbedStratum]:
    """What each track of the sample takes: reading, decoding, features and, evenly shared, the answers.

    Tracks that end as rejects count with what that took. on_gpu: the run answers on GPUs, which is time that they are
    held and hardly any of a core, so no answers are asked for here. Raises UserError as the actors do.
    """
    sys.stderr.write(f"trying {sum(len(stratum.sample) for stratum in strata)} tracks\n")
    extract = _actor(crew[Role.EXTRACT])
    assert isinstance(extract, ExtractWithFrontEnd)
    _warm_up(extract, strata)
    blocks: list[FeatureBlock] = []
    found = [
        ProbedStratum(stratum.tracks, tuple(_tried(extract, track, blocks) for track in stratum.sample))
        for stratum in strata
    ]
    answers_s = 0.0 if on_gpu else _answers_s(crew, blocks) / len(blocks)
    return [_with_answers(stratum, answers_s) for stratum in found]


def offered_cluster() -> Cluster:
    """The cluster at RAY_ADDRESS, or this machine, as a run would use it."""
    if os.environ.get("RAY_ADDRESS", "local") == "local":
        return Cluster(float(os.cpu_count() or 1), 0.0, own=True)
    with connected() as cluster:
        return cluster


def offer_of(cluster: Cluster, config: JobConfig, *, batches: int) -> Offer:
    """What a run of that many batches would use of `cluster`."""
    pool, gpus_each = config.predict_pool, gpus_per_predictor(cluster, config.predict_pool)
    sizes = pool_sizes(cluster, config.extract, pool, gpus_each=gpus_each, batches=batches)
    return Offer(min(cluster.cpus, sizes.extract * config.extract.num_cpus), sizes.predict * gpus_each)


def _actor(member: Member) -> object:
    make: Callable[..., object] = member.kind
    return make(*member.arguments)


def _warm_up(extract: ExtractWithFrontEnd, strata: Sequence[Stratum]) -> None:
    """The first track of a process also pays for tables and plans that are made once."""
    for stratum in strata[:1]:
        extract.extract(stratum.sample[:1])


def _tried(extract: ExtractWithFrontEnd, track: Track, blocks: list[FeatureBlock]) -> ProbedTrack:
    block, report = extract.extract([track])
    blocks.append(block)
    return ProbedTrack(report.cpu_s, report.bytes_read, report.reads)


def _answers_s(crew: Crew, blocks: Sequence[FeatureBlock]) -> float:
    predict = _actor(crew[Role.PREDICT])
    assert isinstance(predict, PredictGenres | CollectFeatures)
    return predict.predict(_joined(blocks)).cpu_s


def _joined(blocks: Sequence[FeatureBlock]) -> FeatureBlock:
    """All tracks as one batch: alone, each would pay for a call of its own."""
    rows = [np.full(len(block.segments), row, np.int32) for row, block in enumerate(blocks)]
    return FeatureBlock(np.concatenate([block.segments for block in blocks]), np.concatenate(rows), len(blocks))


def _with_answers(stratum: ProbedStratum, answers_s: float) -> ProbedStratum:
    tracks = (ProbedTrack(each.cpu_s + answers_s, each.bytes_read, each.reads) for each in stratum.probed)
    return ProbedStratum(stratum.tracks, tuple(tracks))
