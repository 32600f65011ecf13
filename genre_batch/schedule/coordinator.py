"""Who does what next, as a pure state machine: events in, commands out; no Ray, no clock, no I/O.

A batch waits, is extracted, waits as a block, is predicted, and is done; a shard whose tracks are all done is
committed. Whatever goes wrong puts a batch back into one of the two queues, or ends a single track as a reject.

A batch in hand when its actor's machine goes is most likely innocent, and is not blamed. But a track may take down
its machine each time, with all that others have in hand there. So a batch that has lost very many machines is split
into tracks that are set aside: each is tried when nothing else is left to do, with nothing beside it, and so is
given up only for machines that went with it alone.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from genre_batch.catalog.shards import Batch, Shard, plan_batches
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
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
from genre_batch.schedule.pool import Pool


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way. `calls_per_actor` of 2 keeps an actor busy while its answer travels.

    attempts: how often a batch, and then each of its tracks, may break what has it in hand. machines: how many of them
    may go with it in hand; see docs/reliability.md. commits: shards being written. While storage is too slow for more,
    no new shard is begun, so that finished rows do not pile up in the driver.
    """

    batch_tracks: int = 32
    calls_per_actor: int = 2
    blocks_per_predictor: int = 4
    attempts: int = 2
    machines: int = 8
    commits: int = 16


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch with the attempts it has used up, the machines it has lost, and the call that returned its block.

    alone: a single track split off from its batch. aside: one that is tried with nothing beside it.
    """

    batch: Batch
    attempts: int = 0
    machines: frozenset[str] = frozenset()
    alone: bool = False
    aside: bool = False
    block: int | None = None


class Coordinator:
    """The state of a run. Feed every event to `handle` and carry out the commands it returns, in order.

    shards: the shards still to be done, in order; taken one at a time, so that the state does not grow with them.
    """

    def __init__(self, shards: Iterable[Shard], limits: Limits) -> None:
        self._shards: Iterator[Shard] = iter(shards)
        self._limits = limits
        self._pools = {role: Pool(limits.calls_per_actor) for role in Role}
        self._calls: dict[int, tuple[int, _Work]] = {}
        self._to_extract: deque[_Work] = deque()
        self._to_predict: deque[_Work] = deque()
        self._set_aside: deque[_Work] = deque()
        self._tracks_left: dict[int, int] = {}
        self._committing: set[int] = set()
        self._blocks: set[int] = set()
        self._next_call = 0
        self._next_shard = next(self._shards, None)

    @property
    def finished(self) -> bool:
        """Whether every shard is committed."""
        return self._next_shard is None and not self._tracks_left and not self._committing

    @property
    def under_way(self) -> dict[str, int]:
        """How many calls, waiting batches, blocks and shards there are; nothing at the end of a run."""
        return {
            "calls": len(self._calls),
            "to_extract": len(self._to_extract),
            "to_predict": len(self._to_predict),
            "set_aside": len(self._set_aside),
            "blocks": len(self._blocks),
            "open_shards": len(self._tracks_left),
            "committing": len(self._committing),
        }

    def handle(self, event: Event) -> list[Command]:
        """The commands that follow from `event`. What comes twice, or after it was given up, changes nothing."""
        match event:
            case ActorReady(actor, role):
                if self._role(actor) is None:
                    self._pools[role].add(actor)
                commands: list[Command] = []
            case Extracted(call, scorable):
                commands = self._on_extracted(call, scorable)
            case Predicted(call):
                work = self._take(call)
                commands = self._finish(work) if work else []
            case CallFailed(call, message):
                work = self._take(call)
                commands = self._try_again(work, message) if work else []
            case BlockLost(call):
                commands = self._on_block_lost(call)
            case ActorLost(actor, blameless, message, machine):
                commands = self._on_actor_lost(actor, message, machine if blameless else None)
            case DeadlinePassed(actor):
                commands = self._on_deadline(actor)
            case Committed(shard):
                self._committing.discard(shard)
                commands = []
        return commands + self._send()

    def _on_extracted(self, call: int, scorable: int) -> list[Command]:
        work = self._take(call)
        if work is None:
            return [] if call in self._blocks else [ForgetBlock(call)]
        extracted = replace(work, block=call)
        self._blocks.add(call)
        if scorable == 0:
            return self._finish(extracted)
        self._to_predict.append(extracted)
        return []

    def _on_block_lost(self, call: int) -> list[Command]:
        work = self._take(call)
        if work is None:
            return []
        self._to_extract.appendleft(replace(work, block=None))
        return self._forget(work)

    def _on_actor_lost(self, actor: int, message: str, machine: str | None) -> list[Command]:
        """Requeue an actor's calls; only the oldest, which it had in hand, can have killed it, or its `machine`."""
        role = self._role(actor)
        if role is None:
            return []
        works = [self._calls.pop(call)[1] for call in self._pools[role].remove(actor)]
        for work in reversed(works[1:]):
            self._requeue(work)
        if not works:
            return []
        if machine is None:
            return self._try_again(works[0], message)
        return self._on_machine_lost(works[0], message, machine)

    def _on_deadline(self, actor: int) -> list[Command]:
        role = self._role(actor)
        if role is None:
            return []
        message = f"no answer from a {role} actor by the deadline"
        return [StopActor(actor, role), *self._on_actor_lost(actor, message, None)]

    def _try_again(self, work: _Work, message: str) -> list[Command]:
        """Count an attempt; a batch that has used them up is split, a track on its own is given up."""
        tried = replace(work, attempts=work.attempts + 1)
        if tried.attempts < self._limits.attempts:
            self._requeue(tried)
            return []
        if work.alone:
            return self._give_up(work, tried.attempts, message)
        self._to_extract.extendleft(reversed(_singles(work)))
        return self._forget(work)

    def _on_machine_lost(self, work: _Work, message: str, machine: str) -> list[Command]:
        """Count a machine, once; a batch that has lost too many is set aside in tracks, and such a track given up."""
        # until a machine is known to be gone, a batch may be sent to one after another of its dead actors
        tried = replace(work, machines=work.machines | {machine})
        lost = len(tried.machines)
        if lost < self._limits.machines:
            self._requeue(tried)
            return []
        if work.aside:
            message = f"{lost} machines went away while they had this track in hand, the last: {message}"
            return self._give_up(work, lost, message)
        self._set_aside.extend(replace(single, aside=True) for single in _singles(work))
        return self._forget(work)

    def _give_up(self, work: _Work, attempts: int, message: str) -> list[Command]:
        role = Role.EXTRACT if work.block is None else Role.PREDICT
        return [RejectTrack(work.batch, role, attempts, message), *self._finish(work)]

    def _requeue(self, work: _Work) -> None:
        queue = self._to_extract if work.block is None else self._to_predict
        queue.appendleft(work)

    def _finish(self, work: _Work) -> list[Command]:
        shard = work.batch.shard
        self._tracks_left[shard] -= work.batch.stop - work.batch.start
        commands = self._forget(work)
        if self._tracks_left[shard] == 0:
            del self._tracks_left[shard]
            self._committing.add(shard)
            commands.append(CommitShard(shard))
        return commands

    def _forget(self, work: _Work) -> list[Command]:
        if work.block is None:
            return []
        self._blocks.discard(work.block)
        return [ForgetBlock(work.block)]

    def _take(self, call: int) -> _Work | None:
        """The work of a call that has come back; None if it was given up before."""
        if call not in self._calls:
            return None
        actor, work = self._calls.pop(call)
        role = self._role(actor)
        assert role is not None
        self._pools[role].release(actor, call)
        return work

    def _role(self, actor: int) -> Role | None:
        return next((role for role, pool in self._pools.items() if actor in pool), None)

    def _send(self) -> list[Command]:
        """Give every actor with a free place its next call; blocks first, since they hold memory."""
        commands: list[Command] = []
        predictors, extractors = self._pools[Role.PREDICT], self._pools[Role.EXTRACT]
        while self._to_predict and (actor := predictors.idlest()) is not None:
            work = self._to_predict.popleft()
            assert work.block is not None
            commands.append(SendPredict(self._call(Role.PREDICT, actor, work), actor, work.batch, work.block))
        while self._room_for_blocks() and (actor := extractors.idlest()) is not None and self._has_batch():
            work = self._to_extract.popleft()
            commands.append(SendExtract(self._call(Role.EXTRACT, actor, work), actor, work.batch))
        return commands

    def _call(self, role: Role, actor: int, work: _Work) -> int:
        call = self._next_call
        self._next_call += 1
        self._calls[call] = (actor, work)
        self._pools[role].assign(actor, call)
        return call

    def _room_for_blocks(self) -> bool:
        """Whether the predictors keep up; without this the blocks of fast extractors would fill the object store."""
        return len(self._to_predict) < self._limits.blocks_per_predictor * max(1, len(self._pools[Role.PREDICT]))

    def _has_batch(self) -> bool:
        if not self._to_extract and len(self._committing) < self._limits.commits:
            self._open_next_shard()
        if self._next_shard is None and not (self._to_extract or self._to_predict or self._calls) and self._set_aside:
            self._to_extract.append(self._set_aside.popleft())
        return bool(self._to_extract)

    def _open_next_shard(self) -> None:
        shard = self._next_shard
        if shard is None:
            return
        self._next_shard = next(self._shards, None)
        self._tracks_left[shard.index] = shard.stop - shard.start
        self._to_extract.extend(_Work(batch) for batch in plan_batches(shard, self._limits.batch_tracks))


def _singles(work: _Work) -> list[_Work]:
    batch = work.batch
    return [_Work(replace(batch, start=row, stop=row + 1), alone=True) for row in range(batch.start, batch.stop)]
