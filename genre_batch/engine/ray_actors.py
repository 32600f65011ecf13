"""Ray's side of a run: starts, calls and watches actors, and reports what happens to them as events."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import ray
from ray import ObjectRef
from ray.exceptions import RayError

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.engine.machine import machine_of
from genre_batch.engine.ray_errors import actor_lives, blamed, block_is_lost, cause, machine_went_away
from genre_batch.errors import UserError
from genre_batch.schedule.events import ActorLost, ActorReady, BlockLost, CallFailed, DeadlinePassed, Event, Returned
from genre_batch.stages.by_columns import ByColumns
from genre_batch.stages.stage import Stage, StageReport

_LOG = logging.getLogger(__name__)
_START_FAILURES_ALLOWED = 3
_SLIVER_CPUS = 0.001
_LOOK_FOR_OVERDUE_EVERY_S = 0.5


@dataclass(slots=True)
class _Actor:
    """`machine`: which one it is on, once it is ready. calls: their deadlines in seconds, oldest first."""

    handle: Any  # Ray types the methods of an actor only if their class was decorated, and ours know no Ray
    stage: int
    machine: str = ""
    calls: dict[int, float] = field(default_factory=dict)
    oldest_since_s: float = 0.0


Arrival = tuple[Event, StageReport | None]


def reserved(stage: Stage) -> dict[str, float]:
    """What an actor of the stage reserves, as options of Ray.

    An actor that needs no CPU of its own takes a sliver of one, which those that need one leave: Ray might place an
    actor that reserves nothing on a head node with `num-cpus: 0`, which is to do no work.
    """
    if stage.num_cpus:
        cpus = stage.num_cpus - min(2 * _SLIVER_CPUS, stage.num_cpus / 10)
    else:
        cpus = 0.0 if stage.num_gpus else _SLIVER_CPUS
    return {"num_cpus": cpus, "num_gpus": stage.num_gpus}


class RayActors:
    """All actors of a run by number, the references they work on, and the answers still to come.

    stopped: how many died or were stopped, by stage.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._actors: dict[int, _Actor] = {}
        self._waiting: dict[ObjectRef[object], tuple[int, int | None]] = {}
        self._blocks: dict[int, ObjectRef[object]] = {}
        self._next_actor = 0
        self._count, self._ready = Counter[int](), Counter[int]()
        self._look_again_s = 0.0
        self._start_failures = Counter[int]()
        self.stopped = Counter[int]()

    def count(self, stage: int) -> int:
        """How many actors a stage has, starting ones included."""
        return self._count[stage]

    def ready(self, stage: int) -> int:
        """How many actors of a stage can work."""
        return self._ready[stage]

    def started(self) -> list[ActorReady]:
        """The actors that can work, each as its ActorReady event."""
        return [ActorReady(number, actor.stage) for number, actor in self._actors.items() if actor.machine]

    def start(self, stage: int) -> None:
        """Create an actor; ActorReady follows once it can work."""
        wanted = self._stages[stage]
        make: Any = ray.remote(wanted.worker).options(**reserved(wanted), scheduling_strategy="SPREAD")
        handle = make.remote(*wanted.arguments)
        self._actors[self._next_actor] = _Actor(handle, stage)
        self._count[stage] += 1
        self._waiting[handle.__ray_call__.remote(machine_of)] = (self._next_actor, None)
        self._next_actor += 1

    def send(self, actor: int, call: int, tracks: list[Track], block: int | None) -> None:
        """Send an actor the tracks of a batch, or the block that an earlier call returned for them; Returned follows.

        The block that this call returns stays with Ray under its number, until it is forgotten.
        """
        state = self._actors[actor]
        stage = self._stages[state.stage]
        batch = ByColumns(tracks) if block is None else self._blocks[block]
        if state.stage == len(self._stages) - 1:
            report = state.handle.run.remote(batch)
        else:
            self._blocks[call], report = state.handle.run.options(num_returns=2).remote(batch)
        self._waiting[report] = (actor, call)
        if not state.calls:
            state.oldest_since_s = time.monotonic()
        state.calls[call] = stage.deadline_s(len(tracks))

    def probe(self, attempt: int) -> list[ObjectRef[object]] | None:
        """Send the test batch of the first stage's worker through one actor of each stage: their reports.

        None if a stage has no actor that can work. attempt: another number takes other actors, if there are any.
        """
        handles: list[Any] = []
        for stage in range(len(self._stages)):
            ready = [actor.handle for actor in self._actors.values() if actor.stage == stage and actor.machine]
            if not ready:
                return None
            handles.append(ready[attempt % len(ready)])
        if len(handles) == 1:
            return [handles[0].probe.remote()]
        block, report = handles[0].probe.options(num_returns=2).remote()
        reports = [report]
        for handle in handles[1:-1]:
            block, report = handle.run.options(num_returns=2).remote(block)
            reports.append(report)
        return [*reports, handles[-1].run.remote(block)]

    def forget(self, block: int) -> None:
        """Let Ray free a block."""
        self._blocks.pop(block, None)

    def stop(self, actor: int) -> None:
        """Kill an actor and drop the answers it still owes."""
        state = self._actors.pop(actor)
        self.stopped[state.stage] += 1
        self._count[state.stage] -= 1
        self._ready[state.stage] -= bool(state.machine)
        ray.kill(state.handle)
        for call in state.calls:
            self.forget(call)
        self._waiting = {ref: owner for ref, owner in self._waiting.items() if owner[0] != actor}

    def stop_all(self) -> None:
        """Kill every actor."""
        for actor in list(self._actors):
            self.stop(actor)

    def wait(self, timeout_s: float) -> Iterator[Arrival]:
        """The answers that arrive within `timeout_s` seconds, if any.

        The next answer is requested from Ray only after this one has been handled: an answer and the death of its actor
        may both have arrived, and the answer must still find the actor.
        """
        refs = list(self._waiting)
        if not refs:
            time.sleep(timeout_s)
            return
        done, _ = ray.wait(refs, num_returns=1, timeout=timeout_s, fetch_local=False)
        if done:
            done, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
        for ref in done:
            if ref in self._waiting:
                yield self._answer(ref)
        yield from self._overdue()

    def _answer(self, ref: ObjectRef[object]) -> Arrival:
        actor, call = self._waiting.pop(ref)
        try:
            report = ray.get(ref)
        except RayError as error:
            event = self._error(actor, call, error)
            _LOG.info("%s", event)
            return event, None
        state = self._actors[actor]
        if call is None:
            assert isinstance(report, str)
            state.machine, self._start_failures[state.stage] = report, 0
            self._ready[state.stage] += 1
            return ActorReady(actor, state.stage), None
        assert isinstance(report, StageReport)
        self._returned(actor, call)
        kinds = list(map(type, report.outcomes))
        return Returned(call, len(kinds) - kinds.count(Reject) - kinds.count(NoneType)), report

    def _returned(self, actor: int, call: int) -> None:
        state = self._actors[actor]
        del state.calls[call]
        state.oldest_since_s = time.monotonic()

    def _error(self, actor: int, call: int | None, error: RayError) -> Event:
        if call is None or not (actor_lives(error) or block_is_lost(error)):
            return self._lost(actor, error)
        self._returned(actor, call)
        self.forget(call)
        return BlockLost(call) if block_is_lost(error) else CallFailed(call, cause(error), blamed(error))

    def _lost(self, actor: int, error: RayError) -> Event:
        state, blameless = self._actors[actor], machine_went_away(error)
        self.stop(actor)
        if not state.machine and not blameless:
            self._start_failures[state.stage] += 1
            if self._start_failures[state.stage] >= _START_FAILURES_ALLOWED:
                name = self._stages[state.stage].name
                raise UserError(f"the {name} actors do not start: {cause(error)}", "see Ray's worker logs for more")
        return ActorLost(actor, blameless, cause(error), state.machine)

    def _overdue(self) -> list[Arrival]:
        now_s = time.monotonic()
        if now_s < self._look_again_s:
            return []
        self._look_again_s = now_s + _LOOK_FOR_OVERDUE_EVERY_S
        late = [
            number
            for number, actor in self._actors.items()
            if actor.calls and now_s - actor.oldest_since_s > next(iter(actor.calls.values()))
        ]
        return [(DeadlinePassed(number), None) for number in late]
