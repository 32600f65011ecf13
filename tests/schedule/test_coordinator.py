"""The coordinator one event at a time, and under any events at all; whole runs are in simulation/test_seeded_run.py."""

from collections.abc import Iterator

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
)
from genre_batch.schedule.simulation.referee import Referee

KINDS = ("ready", "answered", "answered twice", "raised", "block lost", "preempted", "crashed", "silent", "committed")


class Whims:
    """Tells a coordinator whatever it is asked to, with a referee beside it; numbers are those of calls and actors."""

    def __init__(self, tracks: int) -> None:
        shards = plan_shards(tracks, 5)
        limits = Limits(batch_tracks=3, blocks_per_predictor=1, machines=2, commits=2)
        self.coordinator = Coordinator(shards, limits)
        self.referee = Referee(shards, frozenset(), limits)
        self.calls: dict[int, SendExtract | SendPredict] = {}
        self.writing: list[int] = []
        self.actors = 0

    def tell(self, event: Event) -> None:
        self.referee.told(event)
        for command in self.coordinator.handle(event):
            self.referee.asked(command)
            if isinstance(command, SendExtract | SendPredict):
                self.calls[command.call] = command
            elif isinstance(command, CommitShard):
                self.writing.append(command.shard)

    def ready(self, role: Role) -> None:
        self.actors += 1
        self.tell(ActorReady(self.actors - 1, role))

    def answer(self, call: int) -> None:
        """The answer to a call, be it awaited, given up or long done."""
        if isinstance(self.calls.get(call), SendPredict):
            self.tell(Predicted(call))
        else:
            self.tell(Extracted(call, call % 3))

    def follow(self, kind: str, number: int) -> None:
        match kind:
            case "ready":
                self.ready(Role.EXTRACT if number % 2 else Role.PREDICT)
            case "answered":
                self.answer(number)
            case "answered twice":
                self.answer(number)
                self.answer(number)
            case "raised":
                self.tell(CallFailed(number, "raised"))
            case "block lost":
                self.tell(BlockLost(number))
            case "preempted" | "crashed":
                self.tell(ActorLost(number, kind == "preempted", kind, f"machine {number}"))
            case "silent":
                self.tell(DeadlinePassed(number))
            case "committed" if self.writing:
                self.tell(Committed(self.writing.pop()))

    def bring_to_an_end(self) -> None:
        """From now on all goes well."""
        for role in Role:
            self.ready(role)
        answered: set[int] = set()
        while not self.coordinator.finished:
            for call in sorted(self.calls.keys() - answered):
                answered.add(call)
                self.answer(call)
            while self.writing:
                self.tell(Committed(self.writing.pop()))


@given(
    tracks=st.integers(1, 30),
    whims=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 12)), max_size=80),
)
@settings(max_examples=300)
def test_no_order_of_events_breaks_a_rule_or_keeps_the_run_from_ending(
    tracks: int, whims: list[tuple[str, int]]
) -> None:
    world = Whims(tracks)
    for kind, number in whims:
        world.follow(kind, number)
    world.bring_to_an_end()
    world.referee.ended()
    assert set(world.coordinator.under_way.values()) == {0}


def test_preemption_uses_up_no_attempt() -> None:
    coordinator = Coordinator([Shard(0, 0, 1)], Limits(attempts=1, machines=20))
    for actor in range(19):
        (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
        assert isinstance(sent, SendExtract)
        assert coordinator.handle(ActorLost(actor, True, "its node has died", f"machine {actor}")) == []
    assert not coordinator.finished


def sent_and_lost(coordinator: Coordinator, actor: int, *, blameless: bool) -> tuple[Batch, list[Command]]:
    """The batch that a new actor gets, and what follows when it dies with it."""
    (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
    assert isinstance(sent, SendExtract)
    return sent.batch, coordinator.handle(ActorLost(actor, blameless, "gone", f"machine {actor}"))


def test_a_track_that_goes_on_taking_machines_down_alone_is_given_up_and_the_message_says_so() -> None:
    coordinator = Coordinator([Shard(0, 0, 2)], Limits(machines=3))
    whole = [sent_and_lost(coordinator, actor, blameless=True) for actor in range(3)]
    assert whole == [(Batch(0, 0, 2), [])] * 3
    alone = [sent_and_lost(coordinator, actor, blameless=True) for actor in range(3, 6)]
    assert [batch for batch, _ in alone] == [Batch(0, 0, 1)] * 3
    (given_up,) = [command for _, commands in alone for command in commands]
    assert isinstance(given_up, RejectTrack)
    assert (given_up.batch, given_up.role, given_up.attempts) == (Batch(0, 0, 1), Role.EXTRACT, 3)
    assert given_up.message == "3 machines went away while they had this track in hand, the last: gone"
    (sent,) = coordinator.handle(ActorReady(6, Role.EXTRACT))
    assert isinstance(sent, SendExtract)
    assert sent.batch == Batch(0, 1, 2)
    assert coordinator.handle(Extracted(sent.call, 0)) == [ForgetBlock(sent.call), CommitShard(0)]


def test_a_machine_counts_once_however_many_of_its_dead_actors_a_batch_is_sent_to() -> None:
    coordinator = Coordinator([Shard(0, 0, 2)], Limits(machines=2))
    for actor in range(20):
        (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
        assert isinstance(sent, SendExtract)
        assert sent.batch == Batch(0, 0, 2)
        assert coordinator.handle(ActorLost(actor, True, "gone", "machine 0")) == []
    assert coordinator.under_way["set_aside"] == 0


def test_what_was_set_aside_waits_until_nothing_else_is_left_to_do() -> None:
    coordinator = Coordinator(plan_shards(4, 2), Limits(machines=1, calls_per_actor=1))
    assert sent_and_lost(coordinator, 0, blameless=True) == (Batch(0, 0, 2), [])
    assert coordinator.under_way["set_aside"] == 2
    (other,) = coordinator.handle(ActorReady(1, Role.EXTRACT))
    assert isinstance(other, SendExtract)
    assert other.batch == Batch(1, 2, 4)
    assert coordinator.handle(ActorReady(2, Role.EXTRACT)) == []
    _, _, first = coordinator.handle(Extracted(other.call, 0))
    assert isinstance(first, SendExtract)
    assert first.batch == Batch(0, 0, 1)
    assert coordinator.handle(Extracted(first.call, 1)) == []
    (predict,) = coordinator.handle(ActorReady(3, Role.PREDICT))
    *_, second = coordinator.handle(Predicted(predict.call)) if isinstance(predict, SendPredict) else ()
    assert isinstance(second, SendExtract)
    assert second.batch == Batch(0, 1, 2)


@given(tracks=st.integers(1, 3), attempts=st.integers(1, 3))
def test_a_track_is_given_up_after_as_many_deaths_alone_however_large_its_batch_was(tracks: int, attempts: int) -> None:
    coordinator = Coordinator([Shard(0, 0, tracks)], Limits(attempts=attempts, calls_per_actor=1))
    lost = [sent_and_lost(coordinator, actor, blameless=False) for actor in range(2 * attempts)]
    assert [batch for batch, _ in lost] == [Batch(0, 0, tracks)] * attempts + [Batch(0, 0, 1)] * attempts
    given_up = [
        number for number, (_, commands) in enumerate(lost) for each in commands if isinstance(each, RejectTrack)
    ]
    assert given_up == [2 * attempts - 1]


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

    def shards() -> Iterator[Shard]:
        for shard in plan_shards(10**6, 100):
            taken.append(shard)
            yield shard

    coordinator = Coordinator(shards(), Limits())
    coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert len(taken) <= 2


def test_an_answer_that_comes_twice_leaves_its_block_alone() -> None:
    coordinator = Coordinator([Shard(0, 0, 4)], Limits(batch_tracks=8))
    (sent,) = coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert isinstance(sent, SendExtract)
    assert coordinator.handle(Extracted(sent.call, 4)) == []
    assert coordinator.handle(Extracted(sent.call, 4)) == []
    (predict,) = coordinator.handle(ActorReady(1, Role.PREDICT))
    assert predict == SendPredict(1, 1, sent.batch, sent.call)


def test_an_actor_that_is_ready_twice_gets_no_more_calls_than_allowed() -> None:
    coordinator = Coordinator(plan_shards(100, 100), Limits(batch_tracks=8, calls_per_actor=2))
    assert len(coordinator.handle(ActorReady(0, Role.EXTRACT))) == 2
    assert coordinator.handle(ActorReady(0, Role.EXTRACT)) == []


def test_no_shard_is_begun_while_storage_is_too_slow_to_take_those_that_are_done() -> None:
    coordinator = Coordinator(plan_shards(50, 1), Limits(commits=3, calls_per_actor=1))
    commands = coordinator.handle(ActorReady(0, Role.EXTRACT))
    committed = 0
    while sent := [command for command in commands if isinstance(command, SendExtract)]:
        commands = coordinator.handle(Extracted(sent[0].call, 0))
        committed += sum(isinstance(command, CommitShard) for command in commands)
    assert committed == 3
    assert not coordinator.finished
    assert any(isinstance(command, SendExtract) for command in coordinator.handle(Committed(0)))
