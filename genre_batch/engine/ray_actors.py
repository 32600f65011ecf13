"""Ray's side of a run: actors are started, called and watched; what happens to them comes back as events."""

import time
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import ObjectRef
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    ObjectReconstructionFailedError,
    OwnerDiedError,
    RayActorError,
    RayError,
)

from genre_batch.actors.blocks import Extraction, ExtractReport, FeatureBlock, PredictReport
from genre_batch.actors.extract import ExtractFeatures
from genre_batch.actors.predict import PredictGenres
from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig
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

_START_FAILURES_ALLOWED = 3
_CALL_MARGIN_S = 60.0


@dataclass(slots=True)
class _Actor:
    handle: Any  # Ray types the methods of an actor only where their class was decorated, and ours know no Ray
    role: Role
    ready: bool = False
    calls: dict[int, float] = field(default_factory=dict)
    oldest_since_s: float = 0.0


Answer = tuple[Event, ExtractReport | PredictReport | None]


class RayActors:
    """All actors of a run by number, the references they work on, and the answers still to come."""

    def __init__(self, config: ScoreConfig, gpus_per_predict: float) -> None:
        self._config = config
        self._gpus_per_predict = gpus_per_predict
        self._actors: dict[int, _Actor] = {}
        self._waiting: dict[ObjectRef[object], tuple[int, int | None]] = {}
        self._blocks: dict[int, ObjectRef[FeatureBlock]] = {}
        self._next_actor = 0
        self._start_failures = 0

    def count(self, role: Role) -> int:
        """How many actors of a role are there, starting ones included."""
        return sum(actor.role is role for actor in self._actors.values())

    def start(self, role: Role) -> None:
        """Create an actor; ActorReady follows once it has loaded its model."""
        handle = self._create(role)
        self._actors[self._next_actor] = _Actor(handle, role)
        self._waiting[handle.ready.remote()] = (self._next_actor, None)
        self._next_actor += 1

    def extract(self, actor: int, call: int, tracks: list[Track]) -> None:
        """Send a batch; Extracted follows. The block stays with Ray under the number of this call."""
        block, report = self._actors[actor].handle.extract.options(num_returns=2).remote(tracks)
        self._blocks[call] = block
        self._sent(actor, call, report, len(tracks))

    def predict(self, actor: int, call: int, block: int, tracks: int) -> None:
        """Send the block of an earlier call; Predicted follows."""
        report = self._actors[actor].handle.predict.remote(self._blocks[block])
        self._sent(actor, call, report, tracks)

    def forget(self, block: int) -> None:
        """Let Ray free a block."""
        self._blocks.pop(block, None)

    def stop(self, actor: int) -> None:
        """Kill an actor and drop whatever it still owed."""
        ray.kill(self._actors.pop(actor).handle)
        self._waiting = {ref: owner for ref, owner in self._waiting.items() if owner[0] != actor}

    def stop_all(self) -> None:
        """Kill every actor."""
        for actor in list(self._actors):
            self.stop(actor)

    def wait(self, timeout_s: float) -> list[Answer]:
        """What has happened, after at most `timeout_s` seconds; empty if nothing has."""
        refs = list(self._waiting)
        if not refs:
            time.sleep(timeout_s)
            return []
        done, _ = ray.wait(refs, num_returns=1, timeout=timeout_s, fetch_local=False)
        if done:
            done, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
        return [answer for ref in done if (answer := self._answer(ref)) is not None] + self._overdue()

    def _create(self, role: Role) -> Any:
        config = self._config
        if role is Role.EXTRACT:
            extract = ray.remote(ExtractFeatures).options(
                num_cpus=config.extract.num_cpus, scheduling_strategy="SPREAD"
            )
            return extract.remote(config.bundle, config.deadline_s)
        predict = ray.remote(PredictGenres).options(num_cpus=0, num_gpus=self._gpus_per_predict)
        return predict.remote(config.bundle, config.predict.device, config.predict.precision)

    def _sent(self, actor: int, call: int, report: ObjectRef[object], tracks: int) -> None:
        self._waiting[report] = (actor, call)
        state = self._actors[actor]
        if not state.calls:
            state.oldest_since_s = time.monotonic()
        state.calls[call] = _CALL_MARGIN_S + tracks * self._config.deadline_s

    def _answer(self, ref: ObjectRef[object]) -> Answer | None:
        if ref not in self._waiting:
            return None
        actor, call = self._waiting.pop(ref)
        try:
            report = ray.get(ref)
        except RayActorError as error:
            return self._lost(actor, error), None
        except RayError as error:
            return self._failed(actor, call, error), None
        state = self._actors[actor]
        if call is None:
            state.ready, self._start_failures = True, 0
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

    def _failed(self, actor: int, call: int | None, error: RayError) -> Event:
        """A call that raised; where the block it needed is gone, nobody is to blame."""
        if call is None:
            return self._lost(actor, error)
        self._returned(actor, call)
        if isinstance(error, ObjectLostError | ObjectReconstructionFailedError | OwnerDiedError):
            return BlockLost(call)
        return CallFailed(call, _last_line(error))

    def _lost(self, actor: int, error: RayError) -> Event:
        was_ready = self._actors[actor].ready
        self.stop(actor)
        if not was_ready:
            self._start_failures += 1
            if self._start_failures >= _START_FAILURES_ALLOWED:
                raise UserError(
                    f"the actors do not start: {_last_line(error)}", "see Ray's worker logs of this session"
                )
        return ActorLost(actor, _machine_went_away(error), _last_line(error))

    def _overdue(self) -> list[Answer]:
        now_s = time.monotonic()
        late = [
            number
            for number, actor in self._actors.items()
            if actor.calls and now_s - actor.oldest_since_s > next(iter(actor.calls.values()))
        ]
        return [(DeadlinePassed(number), None) for number in late]


def _machine_went_away(error: RayError) -> bool:
    # Ray 2.60 has a type for tasks on dead nodes but tells it of actors in words alone.
    preempted = isinstance(error, RayActorError) and error.preempted
    return preempted or isinstance(error, NodeDiedError) or "its node has died" in str(error)


def _last_line(error: BaseException) -> str:
    """The one line of Ray's long messages that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
