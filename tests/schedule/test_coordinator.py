"""The coordinator under seeded schedules of late, lost and failing calls, in virtual time."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.catalog.shards import Batch, Shard, plan_shards
from genre_batch.schedule.coordinator import Coordinator, Limits
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


@dataclass
class World:
    """Actors that answer, fail, die or hang as a seed decides; `poison` tracks kill whichever actor has them."""

    coordinator: Coordinator
    rng: random.Random
    poison: frozenset[int] = frozenset()
    fault_rate: float = 0.0
    actors: dict[int, Role] = field(default_factory=dict)
    calls: dict[int, SendExtract | SendPredict] = field(default_factory=dict)
    commits: list[int] = field(default_factory=list)
    blocks: set[int] = field(default_factory=set)
    outcomes: Counter[int] = field(default_factory=Counter)
    rejected: dict[int, int] = field(default_factory=dict)
    committed: list[int] = field(default_factory=list)
    done_by_shard: dict[int, set[int]] = field(default_factory=dict)
    most_blocks: int = 0
    next_actor: int = 0

    def start(self, role: Role) -> None:
        self.actors[self.next_actor] = role
        self.next_actor += 1
        self.tell(ActorReady(self.next_actor - 1, role))

    def tell(self, event: Event) -> None:
        for command in self.coordinator.handle(event):
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case SendExtract() | SendPredict():
                assert command.actor in self.actors
                assert sum(call.actor == command.actor for call in self.calls.values()) < 2
                if isinstance(command, SendPredict):
                    assert command.block in self.blocks
                self.calls[command.call] = command
            case ForgetBlock(block):
                self.blocks.discard(block)
            case StopActor(actor, _):
                self.lose(actor)
            case RejectTrack(batch, _, attempts, _):
                assert batch.stop - batch.start == 1
                self.rejected[batch.start] = attempts
                self.finish(batch)
            case CommitShard(shard):
                self.commits.append(shard)

    def finish(self, batch: Batch) -> None:
        self.done_by_shard.setdefault(batch.shard, set()).update(range(batch.start, batch.stop))
        self.outcomes.update(range(batch.start, batch.stop))

    def lose(self, actor: int) -> None:
        del self.actors[actor]
        self.calls = {number: call for number, call in self.calls.items() if call.actor != actor}

    def oldest(self, actor: int) -> int:
        return min(number for number, call in self.calls.items() if call.actor == actor)

    def step(self) -> None:
        for role in Role:
            if sum(r is role for r in self.actors.values()) < 2:
                return self.start(role)
        if not self.calls or (self.commits and self.rng.random() < 0.3):
            return self.commit()
        call = self.calls[self.oldest(self.rng.choice(list(self.calls.values())).actor)]
        if self.poison & set(range(call.batch.start, call.batch.stop)) and isinstance(call, SendExtract):
            self.lose(call.actor)
            return self.tell(ActorLost(call.actor, False, "crash"))
        if self.rng.random() < self.fault_rate:
            return self.fault(call)
        return self.answer(call)

    def commit(self) -> None:
        shard = self.commits.pop(self.rng.randrange(len(self.commits)))
        self.committed.append(shard)
        self.tell(Committed(shard))

    def answer(self, call: SendExtract | SendPredict) -> None:
        del self.calls[call.call]
        if isinstance(call, SendPredict):
            self.finish(call.batch)
            return self.tell(Predicted(call.call))
        scorable = self.rng.choice([0, call.batch.stop - call.batch.start])
        self.blocks.add(call.call)
        self.most_blocks = max(self.most_blocks, len(self.blocks))
        if not scorable:
            self.finish(call.batch)
        return self.tell(Extracted(call.call, scorable))

    def fault(self, call: SendExtract | SendPredict) -> None:
        match self.rng.randrange(5):
            case 0:
                del self.calls[call.call]
                self.tell(CallFailed(call.call, "raised"))
            case 1 if isinstance(call, SendPredict):
                del self.calls[call.call]
                self.tell(BlockLost(call.call))
            case 2:
                self.tell(DeadlinePassed(call.actor))
                self.tell(Extracted(call.call, 1))
            case _:
                self.lose(call.actor)
                self.tell(ActorLost(call.actor, True, "preempted"))
                self.tell(ActorLost(call.actor, True, "told twice"))


def run(tracks: int, seed: int, *, poison: frozenset[int] = frozenset(), fault_rate: float = 0.0) -> World:
    shards = plan_shards(tracks, 50)
    world = World(Coordinator(shards, Limits(batch_tracks=8)), random.Random(seed), poison, fault_rate)
    for _ in range(100_000):
        if world.coordinator.finished:
            return world
        world.step()
    pytest.fail(f"the run does not end (seed {seed})")


@given(tracks=st.integers(1, 400), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_without_faults_every_track_is_done_once_and_every_shard_committed_once(tracks: int, seed: int) -> None:
    world = run(tracks, seed)
    assert world.outcomes == Counter(range(tracks))
    assert sorted(world.committed) == [shard.index for shard in plan_shards(tracks, 50)]
    assert not world.blocks
    assert not world.rejected


@given(tracks=st.integers(1, 300), seed=st.integers(0, 2**32), fault_rate=st.floats(0.01, 0.35))
@settings(max_examples=150, deadline=None)
def test_under_faults_nothing_is_lost_and_nothing_committed_twice(tracks: int, seed: int, fault_rate: float) -> None:
    world = run(tracks, seed, fault_rate=fault_rate)
    assert set(world.outcomes) == set(range(tracks))
    assert sorted(world.committed) == [shard.index for shard in plan_shards(tracks, 50)]
    assert not world.calls
    assert world.blocks == set()


@given(seed=st.integers(0, 2**32), poison=st.frozensets(st.integers(0, 149), max_size=4))
@settings(max_examples=60, deadline=None)
def test_only_the_tracks_that_kill_actors_are_rejected_after_two_attempts_alone(
    seed: int, poison: frozenset[int]
) -> None:
    world = run(150, seed, poison=poison)
    assert world.rejected == dict.fromkeys(poison, 2)
    assert set(world.outcomes) == set(range(150))


def test_preemption_uses_up_no_attempt() -> None:
    coordinator = Coordinator([Shard(0, 0, 1)], Limits(batch_tracks=8))
    for actor in range(20):
        (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
        assert isinstance(sent, SendExtract)
        assert coordinator.handle(ActorLost(actor, True, "its node has died")) == []
    assert not coordinator.finished


def test_a_late_answer_of_a_call_that_was_given_up_only_frees_its_block() -> None:
    coordinator = Coordinator([Shard(0, 0, 4)], Limits(batch_tracks=8))
    (sent,) = coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert isinstance(sent, SendExtract)
    coordinator.handle(ActorLost(0, True, "gone"))
    assert coordinator.handle(Extracted(sent.call, 4)) == [ForgetBlock(sent.call)]


def test_extraction_pauses_while_predictors_do_not_keep_up() -> None:
    coordinator = Coordinator(plan_shards(10_000, 1000), Limits(batch_tracks=10, blocks_per_predictor=4))
    sent = [c for c in coordinator.handle(ActorReady(0, Role.EXTRACT)) if isinstance(c, SendExtract)]
    extracted = 0
    while sent:
        call = sent.pop(0)
        extracted += 1
        sent += [c for c in coordinator.handle(Extracted(call.call, 10)) if isinstance(c, SendExtract)]
    assert extracted == 4 + 1


def test_the_state_does_not_grow_with_the_number_of_shards() -> None:
    taken = []

    def shards():  # type: ignore[no-untyped-def]
        for shard in plan_shards(10**6, 100):
            taken.append(shard)
            yield shard

    coordinator = Coordinator(shards(), Limits())
    coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert len(taken) == 1
