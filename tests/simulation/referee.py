"""Checks the rules of a run at every event and command, with its own independent bookkeeping."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

from genre_batch.catalog.work_units import Batch, Part, UncutPart
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
    PutOff,
    RejectTrack,
    Returned,
    Send,
    StopActor,
    TimeIsUp,
)
from genre_batch.schedule.limits import Limits


class RuleBroken(Exception):
    """The coordinator broke a rule."""


@dataclass(slots=True)
class _Tries:
    """The attempts and machines used by a batch since it was planned, or by a track since it was split off.

    alone: split off after failed attempts. aside: split off after lost machines.
    """

    attempts: int = 0
    machines: set[str] = field(default_factory=set)
    alone: bool = False
    aside: bool = False


@dataclass(slots=True)
class _OpenPart:
    """The state of an open part. rest: what is in no batch yet. cut, done: stop of each batch by its first row.

    tries: by first row and stop.
    """

    rest: UncutPart
    cut: dict[int, int] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    given_up: list[int] = field(default_factory=list)
    tries: dict[tuple[int, int], _Tries] = field(default_factory=dict)


class Referee:
    """Watches one driver. It must see each event before the coordinator handles it, and each resulting command.

    parts: all parts of the listing. committed: those in the ledger when the driver started. tracks_done: how many
    tracks have an outcome so far. put_off: the rows that are left to another time.
    """

    def __init__(self, parts: Sequence[Part], committed: frozenset[int], limits: Limits, stages: int = 2) -> None:
        self._parts = parts
        self._limits = limits
        self._batch_tracks = limits.batch_tracks
        self._actors: dict[int, dict[int, Send]] = {}
        self._size = [0] * stages
        self._stage: dict[int, int] = {}
        self._stages = stages
        self._calls: dict[int, Send] = {}
        self._in_hand: set[tuple[int, int]] = set()
        self._blocks: set[int] = set()
        self._waiting: dict[int, tuple[int, Batch]] = {}
        self._lent: set[int] = set()
        self._aside: set[int] = set()
        self._open: dict[int, _OpenPart] = {}
        self._committing: set[int] = set()
        self._closed = set(committed)
        self._must_stop: int | None = None
        self._time_is_up = False
        self.tracks_done = 0
        self.put_off: set[int] = set()

    def note_event(self, event: Event) -> None:
        """Record an event. Raises RuleBroken if a command in response to the previous one is missing."""
        if self._must_stop is not None:
            raise RuleBroken(f"actor {self._must_stop} passed its deadline and was not stopped")
        match event:
            case ActorReady(actor, stage) if actor not in self._actors:
                self._actors[actor], self._stage[actor] = {}, stage
                self._size[stage] += 1
            case Returned(call, remaining):
                self._on_returned(call, remaining)
            case CallFailed(call) if call in self._calls:
                self._blame(self._put_back(call))
            case BlockLost(call) if call in self._calls:
                self._returned(call)
            case ActorLost(actor, blameless, _, machine) if actor in self._actors:
                self._lost(actor, machine if blameless else None)
            case DeadlinePassed(actor) if actor in self._actors:
                self._must_stop = actor
                self._lost(actor, None)
            case Committed(part):
                self._committing.discard(part)
            case _:
                self._time_is_up |= isinstance(event, TimeIsUp)
                self._batch_tracks = event.tracks if isinstance(event, BatchesOf) else self._batch_tracks

    def note_command(self, command: Command) -> tuple[int, ...]:
        """Record a command, and return the rejected rows for a CommitPart. Raises RuleBroken if it breaks a rule."""
        match command:
            case Send():
                self._on_send(command)
            case ForgetBlock(block):
                if block in self._lent:
                    raise RuleBroken(f"block {block} is freed while an actor uses it")
                self._blocks.discard(block)
                self._waiting.pop(block, None)
            case StopActor(actor):
                if self._must_stop != actor:
                    raise RuleBroken(f"actor {actor} is stopped without a reason")
                self._must_stop = None
            case RejectTrack(batch, _, attempts):
                self._on_reject(batch, attempts)
            case PutOff(batch):
                self._on_put_off(batch)
            case CommitPart(part):
                return self._on_commit(part)
        return ()

    def check_end(self) -> None:
        """Raise RuleBroken if anything is left at the end of a run."""
        for left in (self._calls, self._blocks, self._open, self._committing):
            if left:
                raise RuleBroken(f"left at the end: {left}")
        if len(self._closed) != len(self._parts):
            raise RuleBroken("not every part was committed")

    def _on_returned(self, call: int, remaining: int) -> None:
        self._blocks.add(call)
        if call not in self._calls:
            return
        sent = self._returned(call)
        following = sent.stage + 1
        if following == self._stages:
            self._blocks.discard(call)
        if following == self._stages or remaining == 0:
            self._done(sent.batch)
        else:
            self._waiting[call] = following, sent.batch

    def _returned(self, call: int) -> Send:
        sent = self._calls.pop(call)
        self._actors[sent.actor].pop(call)
        self._in_hand.discard((sent.batch.start, sent.batch.stop))
        self._aside.discard(call)
        if sent.block is not None:
            self._lent.discard(sent.block)
        return sent

    def _put_back(self, call: int) -> Batch:
        sent = self._returned(call)
        if sent.block is not None:
            self._waiting[sent.block] = sent.stage, sent.batch
        return sent.batch

    def _lost(self, actor: int, machine: str | None) -> None:
        batches = [self._put_back(call) for call in list(self._actors[actor])]
        del self._actors[actor]
        self._size[self._stage.pop(actor)] -= 1
        if batches:
            self._blame(batches[0], machine)

    def _blame(self, batch: Batch, machine: str | None = None) -> None:
        state = self._open[batch.part]
        tries = state.tries.setdefault((batch.start, batch.stop), _Tries())
        aside = machine is not None
        if machine is None:
            tries.attempts += 1
        else:
            tries.machines.add(machine)
        if self._used_up(tries) and not (tries.aside if aside else tries.alone):
            for row in range(batch.start, batch.stop):
                state.tries[row, row + 1] = _Tries(alone=True, aside=aside)

    def _used_up(self, tries: _Tries) -> bool:
        return tries.attempts >= self._limits.attempts or len(tries.machines) >= self._limits.machines

    def _done(self, batch: Batch) -> None:
        done = self._open[batch.part].done
        if batch.start in done:
            raise RuleBroken(f"a second outcome for {batch}")
        done[batch.start] = batch.stop
        self.tracks_done += batch.stop - batch.start

    def _on_send(self, sent: Send) -> None:
        if sent.block is not None:
            if self._waiting.pop(sent.block, None) != (sent.stage, sent.batch):
                raise RuleBroken(f"{sent} is sent without its block")
            self._lent.add(sent.block)
        self._check_room(sent)
        state = self._note_sent(sent)
        if sent.stage == 0 and (sent.batch.start, sent.batch.stop) not in state.tries:
            self._check_cut(state, sent.batch)

    def _on_put_off(self, batch: Batch) -> None:
        """Only what nobody works on is put off, and what waits for a later stage only if that has no actor."""
        rows = batch.start, batch.stop
        stages = [stage for stage, waits in self._waiting.values() if waits == batch]
        if not self._time_is_up or rows in self._in_hand or any(self._size[stage] for stage in stages):
            raise RuleBroken(f"{batch} is put off without a reason")
        state = self._open.get(batch.part) or self._opened(batch.part)
        if rows not in state.tries:
            self._check_cut(state, batch)
        self._done(batch)
        self.put_off |= set(range(*rows))

    def _check_cut(self, state: _OpenPart, batch: Batch) -> None:
        """A batch is taken as it was cut, and is cut where the last one ended, unless tracks are split off."""
        if not state.rest.is_empty and batch == copy(state.rest).take(self._batch_tracks):
            state.cut[batch.start] = state.rest.take(self._batch_tracks).stop
        if state.cut.get(batch.start) != batch.stop:
            raise RuleBroken(f"{batch} was neither cut nor split off after its attempts were used up")

    def _check_room(self, sent: Send) -> None:
        following = sent.stage + 1
        if following == self._stages:
            return
        waiting = sum(stage == following for stage, _ in self._waiting.values())
        if waiting >= self._limits.blocks_per_actor * max(1, self._size[following]):
            raise RuleBroken(f"{sent} is sent while {waiting} blocks wait")

    def _note_sent(self, sent: Send) -> _OpenPart:
        calls, rows = self._actors.get(sent.actor), (sent.batch.start, sent.batch.stop)
        if calls is None or self._stage[sent.actor] != sent.stage or (sent.block is None) != (sent.stage == 0):
            raise RuleBroken(f"{sent} goes to an actor of another stage")
        if self._time_is_up and sent.stage == 0:
            raise RuleBroken(f"{sent} begins after the time is up")
        if len(calls) >= self._limits.calls_per_actor:
            raise RuleBroken(f"{sent} is one call too many")
        if rows in self._in_hand:
            raise RuleBroken(f"another actor is already working on {sent}")
        state = self._open.get(sent.batch.part) or self._opened(sent.batch.part)
        if sent.batch.start in state.done:
            raise RuleBroken(f"{sent} already has an outcome")
        tries = state.tries.get(rows, _Tries())
        if self._used_up(tries):
            raise RuleBroken(f"{sent} has no attempt left")
        if self._calls and (tries.aside or self._aside):
            raise RuleBroken(f"{sent} runs beside a track that was set aside and must run alone")
        if tries.aside:
            self._aside.add(sent.call)
        self._calls[sent.call] = calls[sent.call] = sent
        self._in_hand.add(rows)
        return state

    def _opened(self, part: int) -> _OpenPart:
        if part in self._closed:
            raise RuleBroken(f"part {part} is opened again")
        if len(self._committing) >= self._limits.commits:
            raise RuleBroken(f"part {part} is opened while too many commits are pending")
        self._open[part] = _OpenPart(UncutPart(self._parts[part]))
        return self._open[part]

    def _on_reject(self, batch: Batch, attempts: int) -> None:
        state, limits = self._open[batch.part], self._limits
        tries = state.tries.get((batch.start, batch.stop), _Tries())
        if batch.stop - batch.start != 1:
            raise RuleBroken(f"{batch} is rejected as a whole")
        broke = tries.alone and tries.attempts == attempts == limits.attempts
        took_machines = tries.aside and len(tries.machines) == attempts == limits.machines
        if not (broke or took_machines):
            raise RuleBroken(f"{batch} is rejected too early: {tries}")
        self._done(batch)
        state.given_up.append(batch.start)

    def _on_commit(self, index: int) -> tuple[int, ...]:
        """Check that the outcomes cover each row of the part once."""
        if index not in self._open:
            raise RuleBroken(f"part {index} is committed again")
        state, part = self._open.pop(index), self._parts[index]
        row = part.start
        while row < part.stop:
            if row not in state.done:
                raise RuleBroken(f"part {index} is committed without row {row}")
            row = state.done.pop(row)
        if state.done:
            raise RuleBroken(f"part {index} has rows with two outcomes")
        self._closed.add(index)
        self._committing.add(index)
        return tuple(state.given_up)
