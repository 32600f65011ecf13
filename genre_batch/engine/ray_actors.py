"""Ray's side of a run: actors are started, called and watched; what happens to them comes back as events."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import ObjectRef
from ray.exceptions import RayError

from genre_batch.actors.blocks import Extraction, ExtractReport, FeatureBlock, PredictReport
from genre_batch.catalog.track import Track
from genre_batch.config import JobConfig
from genre_batch.engine.crew import Crew
from genre_batch.engine.machine import machine_of
from genre_batch.engine.ray_errors import actor_lives, block_is_lost, machine_went_away, told
from genre_batch.errors import UserError
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
    BlockLost,
    CallFailed,
    DeadlinePassed,
    Event,
    Extracted,
    Predicted,
    Role,
)

_LOG = logging.getLogger(__name__)
_START_FAILURES_ALLOWED = 3
_CALL_MARGIN_S = 60.0
_READ_MARGIN_S = 60.0
_PREDICT_WITHIN_S = 300.0


@dataclass(slots=True)
class _Actor:
    """`machine`: which one it is on, once it is ready."""

    handle: Any  # Ray types the methods of an actor only where their class was decorated, and ours know no Ray
    role: Role
    machine: str = ""
    calls: dict[int, float] = field(default_factory=dict)
    oldest_since_s: float = 0.0


Answer = tuple[Event, ExtractReport | PredictReport | None]


class RayActors:
    """All actors of a run by number, the references they work on, and the answers still to come."""

    def __init__(self, crew: Crew, config: JobConfig, gpus_per_predict: float) -> None:
        self._crew = crew
        self._config = config
        self._gpus_per_predict = gpus_per_predict
        self._actors: dict[int, _Actor] = {}
        self._waiting: dict[ObjectRef[object], tuple[int, int | None]] = {}
        self._blocks: dict[int, ObjectRef[FeatureBlock]] = {}
        self._next_actor = 0
        self._start_failures = Counter[Role]()

    def count(self, role: Role) -> int:
        """How many actors of a role are there, starting ones included."""
        return sum(actor.role is role for actor in self._actors.values())

    def ready(self, role: Role) -> int:
        """How many of them can work."""
        return sum(actor.role is role and bool(actor.machine) for actor in self._actors.values())

    def start(self, role: Role) -> None:
        """Create an actor; ActorReady follows once it has loaded its model."""
        handle = self._create(role)
        self._actors[self._next_actor] = _Actor(handle, role)
        self._waiting[handle.__ray_call__.remote(machine_of)] = (self._next_actor, None)
        self._next_actor += 1

    def extract(self, actor: int, call: int, tracks: list[Track]) -> None:
        """Send a batch; Extracted follows. The block stays with Ray under the number of this call."""
        within_s = _CALL_MARGIN_S + len(tracks) * (self._config.deadline_s + _READ_MARGIN_S)
        block, report = self._actors[actor].handle.extract.options(num_returns=2).remote(tracks)
        self._blocks[call] = block
        self._sent(actor, call, report, within_s)

    def predict(self, actor: int, call: int, block: int) -> None:
        """Send the block of an earlier call; Predicted follows."""
        report = self._actors[actor].handle.predict.remote(self._blocks[block])
        self._sent(actor, call, report, _PREDICT_WITHIN_S)

    def forget(self, block: int) -> None:
        """Let Ray free a block."""
        self._blocks.pop(block, None)

    def stop(self, actor: int) -> None:
        """Kill an actor and drop whatever it still owed."""
        state = self._actors.pop(actor)
        ray.kill(state.handle)
        for call in state.calls:
            self.forget(call)
        self._waiting = {ref: owner for ref, owner in self._waiting.items() if owner[0] != actor}

    def stop_all(self) -> None:
        """Kill every actor."""
        for actor in list(self._actors):
            self.stop(actor)

    def wait(self, timeout_s: float) -> Iterator[Answer]:
        """What has happened, after at most `timeout_s` seconds; nothing if nothing has.

        Ray is asked for the next answer only after this one was dealt with: one actor's answer and its death may both
        be there already, and the first must still find the actor.
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

    def _create(self, role: Role) -> Any:
        member = self._crew[role]
        if role is Role.EXTRACT:
            cpus, gpus = self._config.extract.num_cpus, 0.0
        else:
            cpus, gpus = 0.0, self._gpus_per_predict
        actor = ray.remote(member.kind).options(num_cpus=cpus, num_gpus=gpus, scheduling_strategy="SPREAD")
        return actor.remote(*member.arguments)

    def _sent(self, actor: int, call: int, report: ObjectRef[object], within_s: float) -> None:
        self._waiting[report] = (actor, call)
        state = self._actors[actor]
        if not state.calls:
            state.oldest_since_s = time.monotonic()
        state.calls[call] = within_s

    def _answer(self, ref: ObjectRef[object]) -> Answer:
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
            state.machine, self._start_failures[state.role] = report, 0
            return ActorReady(actor, state.role), None
        self._returned(actor, call)
        if isinstance(report, PredictReport):
            return Predicted(call), report
        assert isinstance(report, ExtractReport)
        scorable = sum(isinstance(outcome, Extraction) for outcome in report.outcomes)
        return Extracted(call, scorable), report

    def _returned(self, actor: int, call: int) -> None:
        state = self._actors[actor]
        del state.calls[call]
        state.oldest_since_s = time.monotonic()

    def _error(self, actor: int, call: int | None, error: RayError) -> Event:
        if call is None or not (actor_lives(error) or block_is_lost(error)):
            return self._lost(actor, error)
        self._returned(actor, call)
        self.forget(call)
        return BlockLost(call) if block_is_lost(error) else CallFailed(call, told(error))

    def _lost(self, actor: int, error: RayError) -> Event:
        state, blameless = self._actors[actor], machine_went_away(error)
        self.stop(actor)
        if not state.machine and not blameless:
            self._start_failures[state.role] += 1
            if self._start_failures[state.role] >= _START_FAILURES_ALLOWED:
                raise UserError(
                    f"the {state.role} actors do not start: {told(error)}", "see Ray's worker logs for more"
                )
        return ActorLost(actor, blameless, told(error), state.machine)

    def _overdue(self) -> list[Answer]:
        now_s = time.monotonic()
        late = [
            number
            for number, actor in self._actors.items()
            if actor.calls and now_s - actor.oldest_since_s > next(iter(actor.calls.values()))
        ]
        return [(DeadlinePassed(number), None) for number in late]
