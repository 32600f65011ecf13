"""Decides who does what next, as a pure state machine: events in, commands out; no Ray, no clock, no I/O.

A batch goes through the stages of a run in order. It waits for an actor of the first stage, whose call
returns a block; the block waits for an actor of the next stage, and so on. A part whose tracks all have their outcome
is committed. Any failure puts a batch back into one of the queues, or rejects a single track.

A batch that an actor was working on when its machine was lost is most likely innocent, and is not blamed. But a track
may take down its machine each time, along with the work of the other actors there. So a batch that has lost very many
machines is split into tracks that are set aside: each is tried alone, when nothing else is left to do. It is given up
only for machines that were lost while it was tried alone.

Once the time is up, calls and the blocks that an actor can take are finished. No actor is needed to put off the rest.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from genre_batch.catalog.reject import RejectStage
from genre_batch.catalog.work_units import Batch, Part, UncutPart
from genre_batch.schedule.actor_pool import ActorPool
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
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


@dataclass(frozen=True, slots=True)
class _Task:
    """A batch on its way: the stage it waits for or is in, and what it has cost so far.

    attempts: those used up. machines: those lost. alone: a single track split off from its batch. aside: one that is
    tried with nothing beside it. block: the call that returned what its stage works on, None for the first stage.
    """

    batch: Batch
    stage: int = 0
    attempts: int = 0
    machines: frozenset[str] = frozenset()
    alone: bool = False
    aside: bool = False
    block: int | None = None


class Coordinator:
    """The state of a run. Feed every event to `handle` and carry out the commands it returns, in order.

    parts: the parts still to be done, in order; taken one at a time, so that the state does not grow with them.
    stages: the names of the stages, for messages. cut_tracks: how many tracks have been put into batches.
    """

    def __init__(self, parts: Iterable[Part], stages: Sequence[str], limits: Limits) -> None:
        self._parts: Iterator[Part] = iter(parts)
        self._stages = stages
        self._limits = limits
        self._pools = [ActorPool(limits.calls_per_actor) for _ in stages]
        self._queues: list[deque[_Task]] = [deque() for _ in stages]
        self._calls: dict[int, tuple[int, _Task]] = {}
        self._set_aside: deque[_Task] = deque()
        self._batch_tracks, self.cut_tracks = limits.batch_tracks, 0
        self._begun: deque[UncutPart] = deque()
        self._tracks_left: dict[int, int] = {}
        self._committing: set[int] = set()
        self._blocks: set[int] = set()
        self._next_call = 0
        self._time_is_up = False
        self._next_part = next(self._parts, None)

    @property
    def finished(self) -> bool:
        """Whether every part is committed, except those that are left to another time."""
        return self._next_part is None and not self._tracks_left and not self._committing

    @property
    def under_way(self) -> dict[str, int]:
        """How many calls, waiting batches, blocks and parts there are; nothing at the end of a run."""
        return {
            "calls": len(self._calls),
            "waiting": sum(map(len, self._queues)),
            "set_aside": len(self._set_aside),
            "blocks": len(self._blocks),
            "open_parts": len(self._tracks_left),
            "committing": len(self._committing),
        }

    def handle(self, event: Event) -> list[Command]:
        """The commands that follow from `event`. An event that comes twice, or too late, changes nothing."""
        commands: list[Command] = []
        match event:
            case ActorReady(actor, stage):
                if self._stage(actor) is None:
                    self._pools[stage].add(actor)
            case Returned(call, remaining):
                commands = self._on_returned(call, remaining)
            case CallFailed(call, message, blames):
                task = self._take(call)
                commands = self._try_again(task, message, blames) if task else []
            case BlockLost(call):
                commands = self._on_block_lost(call)
            case ActorLost(actor, blameless, message, machine):
                commands = self._on_actor_lost(actor, message, machine if blameless else None)
            case DeadlinePassed(actor):
                commands = self._on_deadline(actor)
            case Committed(part):
                self._committing.discard(part)
            case NoMoreParts() | BatchesOf() | TimeIsUp():
                self._note(event)
        return commands + self._put_off() + self._send()

    def _note(self, event: NoMoreParts | BatchesOf | TimeIsUp) -> None:
        if isinstance(event, BatchesOf):
            self._batch_tracks = event.tracks
        elif isinstance(event, TimeIsUp):
            self._time_is_up = True
        else:
            self._parts, self._next_part = iter(()), None

    def _put_off(self) -> list[Command]:
        """Once the time is up, leave to another time what waits for a first call, or for a stage without an actor."""
        commands: list[Command] = []
        for stage, queue in enumerate(self._queues if self._time_is_up else ()):
            while (stage == 0 or not len(self._pools[stage])) and self._has_task(stage):
                task = queue.popleft()
                commands += [PutOff(task.batch), *self._finish(task)]
        return commands

    def _on_returned(self, call: int, remaining: int) -> list[Command]:
        task = self._take(call)
        if task is None:
            return [] if call in self._blocks else [ForgetBlock(call)]
        stage = task.stage + 1
        if stage == len(self._stages):
            return self._finish(task)
        done = self._forget(task)
        task = replace(task, stage=stage, block=call)
        self._blocks.add(call)
        if remaining == 0:
            return done + self._finish(task)
        self._queues[stage].append(task)
        return done

    def _on_block_lost(self, call: int) -> list[Command]:
        task = self._take(call)
        if task is None:
            return []
        self._queues[0].appendleft(replace(task, stage=0, block=None))
        return self._forget(task)

    def _on_actor_lost(self, actor: int, message: str, machine: str | None) -> list[Command]:
        """Requeue an actor's calls; only the oldest, which it was working on, can have killed it or its `machine`."""
        stage = self._stage(actor)
        if stage is None:
            return []
        tasks = [self._calls.pop(call)[1] for call in self._pools[stage].remove(actor)]
        for task in reversed(tasks[1:]):
            self._requeue(task)
        if not tasks:
            return []
        if machine is None:
            return self._try_again(tasks[0], message)
        return self._on_machine_lost(tasks[0], message, machine)

    def _on_deadline(self, actor: int) -> list[Command]:
        stage = self._stage(actor)
        if stage is None:
            return []
        message = f"the {self._stages[stage]} actor did not answer by the deadline"
        return [StopActor(actor), *self._on_actor_lost(actor, message, None)]

    def _try_again(self, task: _Task, message: str, blames: RejectStage | None = None) -> list[Command]:
        """Count an attempt; a batch that has used all of them is split, and a single track is given up."""
        tried = replace(task, attempts=task.attempts + 1)
        if tried.attempts < self._limits.attempts:
            self._requeue(tried)
            return []
        if task.alone:
            return self._give_up(task, tried.attempts, message, blames)
        self._queues[0].extendleft(reversed(_singles(task)))
        return self._forget(task)

    def _on_machine_lost(self, task: _Task, message: str, machine: str) -> list[Command]:
        """Count a machine, once; a batch that has lost too many is set aside in tracks, and such a track given up."""
        # until a machine is known to be gone, a batch may be sent to one after another of its dead actors
        tried = replace(task, machines=task.machines | {machine})
        lost = len(tried.machines)
        if lost < self._limits.machines:
            self._requeue(tried)
            return []
        if task.aside:
            message = f"{lost} machines were lost while they worked on this track, the last: {message}"
            return self._give_up(task, lost, message)
        self._set_aside.extend(replace(single, aside=True) for single in _singles(task))
        return self._forget(task)

    def _give_up(self, task: _Task, attempts: int, message: str, blames: RejectStage | None = None) -> list[Command]:
        return [RejectTrack(task.batch, task.stage, attempts, message, blames), *self._finish(task)]

    def _requeue(self, task: _Task) -> None:
        self._queues[task.stage].appendleft(task)

    def _finish(self, task: _Task) -> list[Command]:
        part = task.batch.part
        self._tracks_left[part] -= task.batch.stop - task.batch.start
        commands = self._forget(task)
        if self._tracks_left[part] == 0:
            del self._tracks_left[part]
            self._committing.add(part)
            commands.append(CommitPart(part))
        return commands

    def _forget(self, task: _Task) -> list[Command]:
        if task.block is None:
            return []
        self._blocks.discard(task.block)
        return [ForgetBlock(task.block)]

    def _take(self, call: int) -> _Task | None:
        """The task of a call that has returned; None if it was given up before."""
        if call not in self._calls:
            return None
        actor, task = self._calls.pop(call)
        self._pools[task.stage].release(actor, call)
        return task

    def _stage(self, actor: int) -> int | None:
        return next((stage for stage, pool in enumerate(self._pools) if actor in pool), None)

    def _send(self) -> list[Command]:
        """Give every actor with a free place its next call; late stages first, since their blocks hold memory."""
        commands: list[Command] = []
        for stage in reversed(range(len(self._stages))):
            pool = self._pools[stage]
            while self._room_behind(stage) and (actor := pool.idlest()) is not None and self._has_task(stage):
                task = self._queues[stage].popleft()
                commands.append(Send(self._call(actor, task), actor, stage, task.batch, task.block))
        return commands

    def _call(self, actor: int, task: _Task) -> int:
        call = self._next_call
        self._next_call += 1
        self._calls[call] = (actor, task)
        self._pools[task.stage].assign(actor, call)
        return call

    def _room_behind(self, stage: int) -> bool:
        """Whether the next stage keeps up; without this the blocks of a fast stage would fill the object store."""
        following = stage + 1
        if following == len(self._stages):
            return True
        most = self._limits.blocks_per_actor * max(1, len(self._pools[following]))
        return len(self._queues[following]) < most

    def _has_task(self, stage: int) -> bool:
        queue = self._queues[stage]
        if stage == 0:
            if not queue:
                self._take_batch()
            if self._next_part is None and self._set_aside and not self._calls and not any(self._queues):
                queue.append(self._set_aside.popleft())
        return bool(queue)

    def _take_batch(self) -> None:
        """Cut and queue the next batch of the part whose turn it is; a new part has its turn at once."""
        has_place = len(self._begun) < self._limits.parts_at_once and len(self._committing) < self._limits.commits
        if has_place and self._next_part is not None:
            part = self._next_part
            self._next_part = next(self._parts, None)
            self._tracks_left[part.index] = part.stop - part.start
            self._begun.appendleft(UncutPart(part))
        if self._begun:
            rest = self._begun.popleft()
            self._queues[0].append(_Task(batch := rest.take(self._batch_tracks)))
            self.cut_tracks += batch.stop - batch.start
            if not rest.is_empty:
                self._begun.append(rest)


def _singles(task: _Task) -> list[_Task]:
    batch = task.batch
    return [_Task(replace(batch, start=row, stop=row + 1), alone=True) for row in range(batch.start, batch.stop)]
