"""The rules of a run, checked at every event and command by a reckoning of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from genre_batch.catalog.shards import Batch, Shard, plan_batches
from genre_batch.schedule.coordinator import Limits
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


class RuleBroken(Exception):
    """The coordinator did what it must not do."""


@dataclass(slots=True)
class _Tries:
    """What a batch has used up since it was planned, or a track since it was split off: `alone`, or set `aside`."""

    attempts: int = 0
    machines: set[str] = field(default_factory=set)
    alone: bool = False
    aside: bool = False


@dataclass(slots=True)
class _Pages:
    """What is known of an open shard. Keys are the first row, of `tries` also the row after the last, as in `done`."""

    planned: dict[int, int]
    done: dict[int, int] = field(default_factory=dict)
    given_up: list[int] = field(default_factory=list)
    tries: dict[tuple[int, int], _Tries] = field(default_factory=dict)


class Referee:
    """Watches one driver: tell it each event before the coordinator handles it, and each command that follows.

    shards: all of the listing. committed: those that were in the ledger when the driver started.
    tracks_done: how many tracks have an outcome so far.
    """

    def __init__(self, shards: Sequence[Shard], committed: frozenset[int], limits: Limits) -> None:
        self._shards = shards
        self._limits = limits
        self._actors: dict[int, dict[int, SendExtract | SendPredict]] = {}
        self._size = dict.fromkeys(Role, 0)
        self._role: dict[int, Role] = {}
        self._calls: dict[int, SendExtract | SendPredict] = {}
        self._in_hand: set[tuple[int, int]] = set()
        self._blocks: set[int] = set()
        self._waiting: dict[int, Batch] = {}
        self._lent: set[int] = set()
        self._aside: set[int] = set()
        self._open: dict[int, _Pages] = {}
        self._committing: set[int] = set()
        self._closed = set(committed)
        self._must_stop: int | None = None
        self.tracks_done = 0

    def told(self, event: Event) -> None:
        """Note an event. Raises RuleBroken where the commands of the one before were not enough."""
        if self._must_stop is not None:
            raise RuleBroken(f"actor {self._must_stop} passed its deadline and was not stopped")
        match event:
            case ActorReady(actor, role) if actor not in self._actors:
                self._actors[actor], self._role[actor] = {}, role
                self._size[role] += 1
            case Extracted(call, scorable):
                self._on_extracted(call, scorable)
            case Predicted(call) if call in self._calls:
                self._done(self._returned(call).batch)
            case CallFailed(call) if call in self._calls:
                self._blame(self._put_back(call))
            case BlockLost(call) if call in self._calls:
                self._returned(call)
            case ActorLost(actor, blameless, _, machine) if actor in self._actors:
                self._lost(actor, machine if blameless else None)
            case DeadlinePassed(actor) if actor in self._actors:
                self._must_stop = actor
                self._lost(actor, None)
            case Committed(shard):
                self._committing.discard(shard)
            case _:
                pass

    def asked(self, command: Command) -> tuple[int, ...]:
        """Note a command. For CommitShard, the rows that were given up. Raises RuleBroken where it breaks a rule."""
        match command:
            case SendExtract():
                self._on_extract(command)
            case SendPredict():
                self._on_predict(command)
            case ForgetBlock(block):
                if block in self._lent:
                    raise RuleBroken(f"block {block} is forgotten while a predict actor has it")
                self._blocks.discard(block)
                self._waiting.pop(block, None)
            case StopActor(actor):
                if self._must_stop != actor:
                    raise RuleBroken(f"actor {actor} is stopped for no reason")
                self._must_stop = None
            case RejectTrack(batch, _, attempts):
                self._on_reject(batch, attempts)
            case CommitShard(shard):
                return self._on_commit(shard)
        return ()

    def ended(self) -> None:
        """Check that nothing is left. Raises RuleBroken where something is."""
        for left in (self._calls, self._blocks, self._open, self._committing):
            if left:
                raise RuleBroken(f"left at the end: {left}")
        if len(self._closed) != len(self._shards):
            raise RuleBroken("not every shard was committed")

    def _on_extracted(self, call: int, scorable: int) -> None:
        self._blocks.add(call)
        if call not in self._calls:
            return
        batch = self._returned(call).batch
        if scorable == 0:
            self._done(batch)
        else:
            self._waiting[call] = batch

    def _returned(self, call: int) -> SendExtract | SendPredict:
        sent = self._calls.pop(call)
        self._actors[sent.actor].pop(call)
        self._in_hand.discard((sent.batch.start, sent.batch.stop))
        self._aside.discard(call)
        if isinstance(sent, SendPredict):
            self._lent.discard(sent.block)
        return sent

    def _put_back(self, call: int) -> Batch:
        sent = self._returned(call)
        if isinstance(sent, SendPredict):
            self._waiting[sent.block] = sent.batch
        return sent.batch

    def _lost(self, actor: int, machine: str | None) -> None:
        batches = [self._put_back(call) for call in list(self._actors[actor])]
        del self._actors[actor]
        self._size[self._role.pop(actor)] -= 1
        if batches:
            self._blame(batches[0], machine)

    def _blame(self, batch: Batch, machine: str | None = None) -> None:
        pages = self._open[batch.shard]
        tries = pages.tries.setdefault((batch.start, batch.stop), _Tries())
        aside = machine is not None
        if machine is None:
            tries.attempts += 1
        else:
            tries.machines.add(machine)
        if self._used_up(tries) and not (tries.aside if aside else tries.alone):
            for row in range(batch.start, batch.stop):
                pages.tries[row, row + 1] = _Tries(alone=True, aside=aside)

    def _used_up(self, tries: _Tries) -> bool:
        return tries.attempts >= self._limits.attempts or len(tries.machines) >= self._limits.machines

    def _done(self, batch: Batch) -> None:
        done = self._open[batch.shard].done
        if batch.start in done:
            raise RuleBroken(f"a second outcome for {batch}")
        done[batch.start] = batch.stop
        self.tracks_done += batch.stop - batch.start

    def _on_send(self, sent: SendExtract | SendPredict, role: Role) -> _Pages:
        calls, rows = self._actors.get(sent.actor), (sent.batch.start, sent.batch.stop)
        if calls is None or self._role[sent.actor] is not role:
            raise RuleBroken(f"{sent} goes to no {role} actor")
        if len(calls) >= self._limits.calls_per_actor:
            raise RuleBroken(f"{sent} is one call too many")
        if rows in self._in_hand:
            raise RuleBroken(f"{sent} is in another actor's hand")
        pages = self._open.get(sent.batch.shard) or self._opened(sent.batch.shard)
        if sent.batch.start in pages.done:
            raise RuleBroken(f"{sent} is done already")
        tries = pages.tries.get(rows, _Tries())
        if self._used_up(tries):
            raise RuleBroken(f"{sent} has no attempt left")
        if self._calls and (tries.aside or self._aside):
            raise RuleBroken(f"{sent} although a track that was set aside is tried with nothing beside it")
        if tries.aside:
            self._aside.add(sent.call)
        self._calls[sent.call] = calls[sent.call] = sent
        self._in_hand.add(rows)
        return pages

    def _on_extract(self, sent: SendExtract) -> None:
        most = self._limits.blocks_per_predictor * max(1, self._size[Role.PREDICT])
        if len(self._waiting) >= most:
            raise RuleBroken(f"{sent} while {len(self._waiting)} blocks wait")
        pages = self._on_send(sent, Role.EXTRACT)
        rows = sent.batch.start, sent.batch.stop
        if pages.planned.get(sent.batch.start) != sent.batch.stop and rows not in pages.tries:
            raise RuleBroken(f"{sent.batch} was neither planned nor split off from what has used up its attempts")

    def _on_predict(self, sent: SendPredict) -> None:
        if self._waiting.pop(sent.block, None) != sent.batch:
            raise RuleBroken(f"{sent} without its block")
        self._lent.add(sent.block)
        self._on_send(sent, Role.PREDICT)

    def _opened(self, shard: int) -> _Pages:
        if shard in self._closed:
            raise RuleBroken(f"shard {shard} is opened again")
        if len(self._committing) >= self._limits.commits:
            raise RuleBroken(f"shard {shard} is opened while commits pile up")
        batches = plan_batches(self._shards[shard], self._limits.batch_tracks)
        self._open[shard] = _Pages({batch.start: batch.stop for batch in batches})
        return self._open[shard]

    def _on_reject(self, batch: Batch, attempts: int) -> None:
        pages, limits = self._open[batch.shard], self._limits
        tries = pages.tries.get((batch.start, batch.stop), _Tries())
        if batch.stop - batch.start != 1:
            raise RuleBroken(f"{batch} is given up as a whole")
        broke = tries.alone and tries.attempts == attempts == limits.attempts
        took_machines = tries.aside and len(tries.machines) == attempts == limits.machines
        if not (broke or took_machines):
            raise RuleBroken(f"{batch} is given up too early: {tries}")
        self._done(batch)
        pages.given_up.append(batch.start)

    def _on_commit(self, index: int) -> tuple[int, ...]:
        """Check that the outcomes cover each row of the shard once."""
        if index not in self._open:
            raise RuleBroken(f"shard {index} is committed again")
        pages, shard = self._open.pop(index), self._shards[index]
        row = shard.start
        while row < shard.stop:
            if row not in pages.done:
                raise RuleBroken(f"shard {index} is committed without row {row}")
            row = pages.done.pop(row)
        if pages.done:
            raise RuleBroken(f"shard {index} has rows with two outcomes")
        self._closed.add(index)
        self._committing.add(index)
        return tuple(pages.given_up)
