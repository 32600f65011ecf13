"""The loop of a run: events from Ray into the coordinator, its commands back to Ray, full shards to the sink."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from genre_batch.actors.blocks import ExtractReport, PredictReport
from genre_batch.catalog.reject import Reject
from genre_batch.catalog.shards import Batch, Shard
from genre_batch.catalog.track import Track
from genre_batch.config import JobConfig
from genre_batch.engine.cluster import (
    Cluster,
    PoolSizes,
    check_capacity,
    current_cluster,
    gpus_per_predictor,
    pool_sizes,
)
from genre_batch.engine.crew import Crew
from genre_batch.engine.outcomes import ShardOutcomes
from genre_batch.engine.ray_actors import RayActors
from genre_batch.engine.usage import Usage
from genre_batch.engine.waiting import Waiting
from genre_batch.schedule.coordinator import Coordinator, Limits
from genre_batch.schedule.events import (
    ActorLost,
    BlockLost,
    CallFailed,
    Command,
    CommitShard,
    Committed,
    DeadlinePassed,
    Event,
    Extracted,
    ForgetBlock,
    Predicted,
    RejectTrack,
    Role,
    SendExtract,
    SendPredict,
    StopActor,
)
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack

_LOOK_AT_CLUSTER_EVERY_S = 5.0
_COMMITS_AT_ONCE = 4
_SMALLEST_BATCH_TRACKS = 7
"""Halved evenly this leaves 4 tracks; a feature block of fewer would be an object of less than 1 MB, which Ray moves at
a fraction of its speed."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done, and where the outcomes go.

    shards: those not committed yet, or parts of them, `tracks` tracks in all. read: rows [start, stop) of the listing.
    commit: keeps the outcomes of one of them for good, called from several threads. on_done: told of the tracks of each
    finished call with their rejects, None for a track that has its answer; what it raises ends the run.
    """

    shards: Iterable[Shard]
    tracks: int
    read: Callable[[int, int], list[Track]]
    commit: Callable[[int, list[AnsweredTrack], list[RejectedTrack]], object]
    on_done: Callable[[list[Track], list[Reject | None]], None]


class Drive:
    """One run on one cluster. `run` returns when every shard is committed."""

    def __init__(self, crew: Crew, config: JobConfig, cluster: Cluster, work: Work, usage: Usage) -> None:
        self._config = config
        self._work = work
        self._own_cluster = cluster.own
        self._gpus_each = gpus_per_predictor(cluster, config.predict_pool)
        self._sizes = self._wanted(cluster)
        check_capacity(cluster, self._sizes, config.extract, self._gpus_each)
        self._shards: dict[int, Shard] = {}
        self._outcomes: dict[int, ShardOutcomes] = {}
        self._sent: dict[int, tuple[int, Batch]] = {}
        self._commits: dict[Future[object], tuple[int, int]] = {}
        self._committers = ThreadPoolExecutor(_COMMITS_AT_ONCE, thread_name_prefix="commit")
        limits = Limits(batch_tracks=_batch_tracks(config.batch_tracks, work.tracks, self._sizes.extract))
        self._coordinator = Coordinator(self._noted(work.shards), limits)
        self._actors = RayActors(crew, config, self._gpus_each)
        self._look_again_s = 0.0
        self._waiting = Waiting(config, self._gpus_each, time.monotonic())
        self._usage = usage

    def run(self) -> None:
        """Carry the work out; commits that were begun are finished, whatever ends it.

        Raises UserError where actors do not start, StorageError where a commit fails, and what `on_done` raises.
        """
        try:
            while not self._coordinator.finished:
                self._fill_pools()
                for event, report in self._actors.wait(timeout_s=0.5 if not self._commits else 0.05):
                    self._note(event, report)
                    self._apply(event)
                self._collect_commits()
            self._usage.close(own_cluster=self._own_cluster)
        finally:
            self._actors.stop_all()
            self._committers.shutdown()

    def _apply(self, event: Event) -> None:
        for command in self._coordinator.handle(event):
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case SendExtract(call, actor, batch):
                self._sent[call] = actor, batch
                self._actors.extract(actor, call, self._shard(batch.shard).tracks(batch))
                self._usage.sent()
            case SendPredict(call, actor, batch, block):
                self._sent[call] = actor, batch
                self._actors.predict(actor, call, block)
            case ForgetBlock(block):
                self._actors.forget(block)
            case StopActor(actor, _):
                self._actors.stop(actor)
            case RejectTrack(batch, role, attempts, message):
                self._shard(batch.shard).given_up(batch, role, attempts, message)
                self._done(batch)
            case CommitShard(shard):
                self._start_commit(shard)

    def _note(self, event: Event, report: ExtractReport | PredictReport | None) -> None:
        """Keep the outcomes that an answer brought, before the coordinator draws its conclusions from it."""
        if isinstance(event, CallFailed | BlockLost):
            del self._sent[event.call]
        elif isinstance(event, ActorLost | DeadlinePassed):
            self._sent = {call: sent for call, sent in self._sent.items() if sent[0] != event.actor}
        if report is None or not isinstance(event, Extracted | Predicted):
            return
        self._usage.add(report)
        _, batch = self._sent.pop(event.call)
        outcomes = self._shard(batch.shard)
        if isinstance(report, ExtractReport):
            outcomes.extracted(batch, report.outcomes)
        else:
            outcomes.predicted(batch, report.outcomes)
        if isinstance(event, Predicted) or event.scorable == 0:
            self._done(batch)

    def _done(self, batch: Batch) -> None:
        outcomes = self._shard(batch.shard)
        self._work.on_done(outcomes.tracks(batch), outcomes.rejects(batch))

    def _shard(self, index: int) -> ShardOutcomes:
        if index not in self._outcomes:
            shard = self._shards.pop(index)
            self._outcomes[index] = ShardOutcomes(shard, self._work.read(shard.start, shard.stop))
        return self._outcomes[index]

    def _noted(self, shards: Iterable[Shard]) -> Iterator[Shard]:
        for shard in shards:
            self._shards[shard.index] = shard
            yield shard

    def _start_commit(self, shard: int) -> None:
        scored, rejected = self._outcomes.pop(shard).rows()
        future = self._committers.submit(self._work.commit, shard, scored, rejected)
        self._commits[future] = (shard, len(scored) + len(rejected))

    def _collect_commits(self) -> None:
        for future in [future for future in self._commits if future.done()]:
            shard, tracks = self._commits.pop(future)
            future.result()
            self._usage.committed(tracks)
            self._apply(Committed(shard))

    def _fill_pools(self) -> None:
        """Replace actors that died, and use what the cluster has gained."""
        now_s = time.monotonic()
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + _LOOK_AT_CLUSTER_EVERY_S
            cluster = current_cluster(own=self._own_cluster)
            self._sizes = self._wanted(cluster)
            if note := self._waiting.note(now_s, cluster, {role: self._actors.ready(role) for role in Role}):
                sys.stderr.write(f"{note}\n")
        for role, size in ((Role.EXTRACT, self._sizes.extract), (Role.PREDICT, self._sizes.predict)):
            for _ in range(size - self._actors.count(role)):
                self._actors.start(role)

    def _wanted(self, cluster: Cluster) -> PoolSizes:
        batches = -(-self._work.tracks // _SMALLEST_BATCH_TRACKS)
        return pool_sizes(
            cluster, self._config.extract, self._config.predict_pool, gpus_each=self._gpus_each, batches=batches
        )


def _batch_tracks(most: int, tracks: int, extractors: int) -> int:
    """Tracks a batch: `most`, or fewer in a small run so that every extract actor gets several batches."""
    return min(most, max(_SMALLEST_BATCH_TRACKS, -(-tracks // (4 * extractors))))
