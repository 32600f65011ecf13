"""The loop of a run: events from Ray into the coordinator, its commands back to Ray, full parts to the sink."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import ray

from genre_batch.catalog.reject import NOT_TRIED, Reject
from genre_batch.catalog.work_units import Batch, Part, strided
from genre_batch.engine.cluster import Cluster, check_capacity, current_cluster, most_batches, pool_sizes
from genre_batch.engine.garbage import Garbage, seldom_collected
from genre_batch.engine.outcomes import PartOutcomes
from genre_batch.engine.probing import Probing
from genre_batch.engine.ramp import Growth, grown_for
from genre_batch.engine.ray_actors import RayActors
from genre_batch.engine.run_metrics import NoRecorder, RayRecorder
from genre_batch.engine.telemetry import Standing, Telemetry
from genre_batch.engine.usage import Usage
from genre_batch.engine.waiting import Waiting, starting
from genre_batch.engine.workload import Workload
from genre_batch.interrupts import check, orderly
from genre_batch.notices import say
from genre_batch.schedule.batch_size import BatchSize
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import (
    ActorLost,
    BatchesOf,
    BlockLost,
    CallFailed,
    Command,
    CommitPart,
    Committed,
    DeadlinePassed,
    Event,
    ForgetBlock,
    NoMoreParts,
    PutOff,
    RejectTrack,
    Returned,
    Send,
    StopActor,
    TimeIsUp,
)
from genre_batch.schedule.limits import Limits
from genre_batch.stages.stage import Flow, Stage, StageReport

_LOOK_AT_CLUSTER_EVERY_S = 5.0
_COMMITS_AT_ONCE = 4
_ACTORS_PER_LANE = 48
_MOST_LANES = 8
_MOST_TRACKS = 256
_MOST_TRACKS_OF_A_BLOCK = 64
"""A track's segments take up to 655 kB: a block of more would be too much for the object store of a small machine."""


class RunLoop:
    """One run on one cluster. `run` returns when every part is committed, or those that were begun within the budget.

    actors: those that are started already, if any.
    """

    def __init__(
        self, flow: Flow, cluster: Cluster, workload: Workload, usage: Usage, actors: RayActors | None = None
    ) -> None:
        self._flow = flow
        self._stages = flow.stages
        self._workload = workload
        self._own_cluster = cluster.own
        self._sizes = self._wanted(cluster)
        check_capacity(cluster, self._stages, self._sizes)
        self._parts: dict[int, Part] = {}
        self._outcomes: dict[int, PartOutcomes[object]] = {}
        self._sent: dict[int, Send] = {}
        self._returned = deque[Returned]()
        self._commits: dict[Future[object], tuple[int, int]] = {}
        self._committers = ThreadPoolExecutor(_COMMITS_AT_ONCE, thread_name_prefix="commit")
        lanes = suitable_lanes(self._sizes[0])
        self._batch_size = _batch_size(workload.batch_tracks, self._stages)
        self._batch_tracks = self._batch_size.tracks(workload.tracks, self._sizes[0])
        limits = Limits(batch_tracks=self._batch_tracks, parts_at_once=lanes)
        parts = self._noted(strided(workload.parts, 1 if workload.order else lanes))
        self._coordinator = Coordinator(parts, [stage.name for stage in self._stages], limits)
        self._actors = actors or RayActors(self._stages)
        self._look_again_s = 0.0
        self._waiting = Waiting(self._stages, time.monotonic())
        self._usage = usage
        recorder = RayRecorder(workload.labels.run_id) if cluster.metrics and ray.is_initialized() else NoRecorder()
        self._telemetry = Telemetry(self._stages, workload.labels, workload.tracks, recorder)
        self._is_starting = True
        self._begins_parts = True
        self._deferred: Reject | None = None
        self._probing = Probing(self._actors, workload.on_probe)
        self._growth = Growth(self._stages, workload.tracks, asks=False)

    def run(self) -> None:
        """Do the work. Commits that have started are completed even if an error ends it.

        Raises UserError if actors do not start, StorageError if a commit fails, KeyboardInterrupt if the user wants the
        run to stop, and what `on_done` raises.
        """
        is_late, tracks = self._workload.put_off() is not None, self._workload.tracks
        grown = nullcontext(self._growth) if is_late else grown_for(self._stages, tracks, own=self._own_cluster)
        with orderly(), grown as self._growth, seldom_collected() as garbage:
            self._run(garbage)

    def _return_unsent(self) -> None:
        """Let batches that need no work come back."""
        while self._returned:
            event = self._returned.popleft()
            self._done(self._sent.pop(event.call).batch)
            self._apply(event)

    def _run(self, garbage: Garbage) -> None:
        self._workload.on_wait(starting(self._stages, self._sizes))
        try:
            self._probing.begin("start")
            for ready in self._actors.started():
                self._apply(ready)
            while not self._coordinator.finished:
                check()
                self._workload.on_turn()
                self._look_at_the_time()
                self._fill_pools()
                self._note_start()
                self._keep_to_budget()
                for event, report in self._actors.wait(timeout_s=0.5 if not self._commits else 0.05):
                    self._note(event, report)
                    self._apply(event)
                self._resize_batches()
                self._collect_commits()
                self._return_unsent()
                self._probing.look()
                garbage.look()
                self._telemetry.look(self._standing, self._sent)
            self._probing.finish(check)
            self._usage.close(own_cluster=self._own_cluster)
        finally:
            self._telemetry.look(self._standing, self._sent, last=True)
            self._usage.cost = self._workload.labels.cost(self._telemetry.held(self._standing()))
            self._actors.stop_all()
            self._committers.shutdown()

    def _apply(self, event: Event) -> None:
        for command in self._coordinator.handle(event):
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Send(call, actor, _, batch, block):
                self._sent[call] = command
                if block is None and (reject := self._workload.put_off()):
                    self._part(batch.part).put_off(batch, reject)
                tracks = self._part(batch.part).open(batch)
                if not tracks:
                    self._returned.append(Returned(call, 0))
                    return
                self._actors.send(actor, call, tracks, block)
                self._usage.sent()
                self._telemetry.sent(call)
            case ForgetBlock(block):
                self._actors.forget(block)
            case StopActor(actor):
                self._actors.stop(actor)
            case RejectTrack(batch, stage, attempts, message, blames):
                blamed = blames or self._stages[stage].blames
                self._part(batch.part).given_up(batch, blamed, attempts, message)
                self._done(batch)
            case PutOff(batch):
                assert self._deferred
                self._part(batch.part).put_off(batch, self._deferred)
                self._done(batch)
            case CommitPart(part):
                self._start_commit(part)

    def _note(self, event: Event, report: StageReport | None) -> None:
        """Keep the outcomes that an answer brought, before the coordinator draws its conclusions from it."""
        if isinstance(event, CallFailed | BlockLost):
            del self._sent[event.call]
        elif isinstance(event, ActorLost | DeadlinePassed):
            self._sent = {call: sent for call, sent in self._sent.items() if sent.actor != event.actor}
        if report is None or not isinstance(event, Returned):
            return
        self._usage.add(report)
        sent = self._sent.pop(event.call)
        self._telemetry.returned(event.call, sent.stage, report)
        self._growth.note(sent.stage, len(report.outcomes), report.cpu_s)
        if sent.stage == 0:
            self._batch_size.note(len(report.outcomes), report.spent_s or report.cpu_s)
        self._part(sent.batch.part).returned(sent.batch, sent.stage, report.outcomes)
        if event.remaining == 0 or sent.stage == len(self._stages) - 1:
            self._done(sent.batch)

    def _done(self, batch: Batch) -> None:
        outcomes = self._part(batch.part)
        rejects = outcomes.rejects(batch)
        self._telemetry.done(rejects)
        self._workload.on_done(outcomes.tracks(batch), rejects)

    def _part(self, index: int) -> PartOutcomes[object]:
        if index not in self._outcomes:
            part = self._parts.pop(index)
            tracks = self._workload.read(part.start, part.stop)
            settled = self._workload.settled(tracks)
            order = self._workload.order(part) if self._workload.order else None
            self._outcomes[index] = PartOutcomes(part, tracks, len(self._stages), settled, order)
        return self._outcomes[index]

    def _noted(self, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            self._parts[part.index] = part
            yield part

    def _start_commit(self, part: int) -> None:
        outcomes = self._outcomes.pop(part)
        answered, rejected = outcomes.rows(self._flow.row)
        future = self._committers.submit(self._workload.commit, outcomes.part, answered, rejected)
        tried = sum(row.reject.reason not in NOT_TRIED for row in rejected)
        self._commits[future] = (part, len(answered) + tried)

    def _collect_commits(self) -> None:
        for future in [future for future in self._commits if future.done()]:
            part, tracks = self._commits.pop(future)
            future.result()
            self._usage.committed(tracks)
            self._telemetry.committed()
            self._apply(Committed(part))

    def _look_at_the_time(self) -> None:
        """Once no new work may start, leave what is not in hand to the next run; no actor has to be there for that."""
        if self._deferred is None and (reject := self._workload.put_off()):
            self._deferred = reject
            say(f"the time is up: what is in hand is finished, the rest is {reject.message}")
            self._apply(TimeIsUp())

    def _fill_pools(self) -> None:
        """Replace actors that died, and use what the cluster has gained, while new work may start."""
        if self._deferred is not None:
            return
        now_s = time.monotonic()
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + _LOOK_AT_CLUSTER_EVERY_S
            self._growth.look()
            cluster = current_cluster(own=self._own_cluster)
            self._sizes = self._wanted(cluster)
            ready = [self._actors.ready(stage) for stage in range(len(self._stages))]
            if note := self._waiting.note(now_s, cluster, ready):
                say(note)
        for stage, size in enumerate(self._sizes):
            for _ in range(size - self._actors.count(stage)):
                self._actors.start(stage)

    def _resize_batches(self) -> None:
        left = self._workload.tracks - self._coordinator.cut_tracks
        suitable = self._batch_size.tracks(left, self._sizes[0])
        if suitable != self._batch_tracks:
            self._batch_tracks = suitable
            self._apply(BatchesOf(suitable))

    def _note_start(self) -> None:
        """Report once that no stage waits for its first actor any more."""
        if self._is_starting and all(self._actors.ready(stage) for stage in range(len(self._stages))):
            self._is_starting = False
            self._workload.on_wait("")

    def _keep_to_budget(self) -> None:
        """Start no new parts once the budget is used, but always some: a small budget must make progress, too."""
        is_used = self._workload.is_used
        if is_used is None or not self._begins_parts or self._usage.first_sent_s is None:
            return
        if is_used(self._telemetry.held(self._standing())):
            self._begins_parts = False
            say("the budget is used: this start finishes the parts that it has begun, and then ends")
            self._apply(NoMoreParts())

    def _standing(self) -> Standing:
        stages = range(len(self._stages))
        started, ready = ([count(stage) for stage in stages] for count in (self._actors.count, self._actors.ready))
        return Standing(self._sizes, started, ready, self._actors.stopped, self._coordinator.under_way)

    def _wanted(self, cluster: Cluster) -> list[int]:
        return pool_sizes(cluster, self._stages, batches=most_batches(self._workload.tracks))


def suitable_lanes(extractors: int) -> int:
    """How many parts from different places of the listing are worked on at once; each takes driver memory.

    S3 answers 5,500 requests a second for a prefix, which about 110 actors use up. A small cluster does one part after
    the other, so that commits come early.
    """
    return max(1, min(_MOST_LANES, extractors // _ACTORS_PER_LANE))


def _batch_size(batch_tracks: int | None, stages: Sequence[Stage]) -> BatchSize:
    """The size that the settings ask for, or one that adapts."""
    if batch_tracks is not None:
        return BatchSize(batch_tracks, adapts=False)
    return BatchSize(_MOST_TRACKS if len(stages) == 1 else _MOST_TRACKS_OF_A_BLOCK, adapts=True)
