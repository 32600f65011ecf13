"""The coordinator one event at a time, and under any events at all; whole runs are in simulation/test_seeded_run.py."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.whims import KINDS, Whims
from two_stages import NAMES, Role

from genre_batch.catalog.work_units import Batch, Part, plan_parts
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
    BatchesOf,
    Command,
    CommitPart,
    Committed,
    ForgetBlock,
    NoMoreParts,
    PutOff,
    RejectTrack,
    Returned,
    Send,
    TimeIsUp,
)
from genre_batch.schedule.limits import Limits


@given(
    tracks=st.integers(1, 30),
    stages=st.integers(1, 3),
    whims=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 12)), max_size=80),
)
@settings(max_examples=300)
def test_no_order_of_events_breaks_a_rule_or_keeps_the_run_from_ending(
    tracks: int, stages: int, whims: list[tuple[str, int]]
) -> None:
    world = Whims(tracks, stages)
    for kind, number in whims:
        world.follow(kind, number)
    world.bring_to_an_end()
    world.referee.check_end()
    assert set(world.coordinator.under_way.values()) == {0}


def test_preemption_uses_up_no_attempt() -> None:
    coordinator = Coordinator([Part(0, 0, 0, 1)], NAMES, Limits(attempts=1, machines=20))
    for actor in range(19):
        (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
        assert isinstance(sent, Send)
        assert coordinator.handle(ActorLost(actor, True, "its node has died", f"machine {actor}")) == []
    assert not coordinator.finished


def sent_and_lost(coordinator: Coordinator, actor: int, *, blameless: bool) -> tuple[Batch, list[Command]]:
    """The batch that a new actor gets, and what follows when it dies with it."""
    (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
    assert isinstance(sent, Send)
    return sent.batch, coordinator.handle(ActorLost(actor, blameless, "gone", f"machine {actor}"))


def test_a_track_that_goes_on_taking_machines_down_alone_is_given_up_and_the_message_says_so() -> None:
    coordinator = Coordinator([Part(0, 0, 0, 2)], NAMES, Limits(machines=3))
    whole = [sent_and_lost(coordinator, actor, blameless=True) for actor in range(3)]
    assert whole == [(Batch(0, 0, 2), [])] * 3
    alone = [sent_and_lost(coordinator, actor, blameless=True) for actor in range(3, 6)]
    assert [batch for batch, _ in alone] == [Batch(0, 0, 1)] * 3
    (given_up,) = [command for _, commands in alone for command in commands]
    assert isinstance(given_up, RejectTrack)
    assert (given_up.batch, given_up.stage, given_up.attempts) == (Batch(0, 0, 1), Role.EXTRACT, 3)
    assert given_up.message == "3 machines were lost while they worked on this track, the last: gone"
    (sent,) = coordinator.handle(ActorReady(6, Role.EXTRACT))
    assert isinstance(sent, Send)
    assert sent.batch == Batch(0, 1, 2)
    assert coordinator.handle(Returned(sent.call, 0)) == [ForgetBlock(sent.call), CommitPart(0)]


def test_a_machine_counts_once_however_many_of_its_dead_actors_a_batch_is_sent_to() -> None:
    coordinator = Coordinator([Part(0, 0, 0, 2)], NAMES, Limits(machines=2))
    for actor in range(20):
        (sent,) = coordinator.handle(ActorReady(actor, Role.EXTRACT))
        assert isinstance(sent, Send)
        assert sent.batch == Batch(0, 0, 2)
        assert coordinator.handle(ActorLost(actor, True, "gone", "machine 0")) == []
    assert coordinator.under_way["set_aside"] == 0


def test_what_was_set_aside_waits_until_nothing_else_is_left_to_do() -> None:
    coordinator = Coordinator(plan_parts(4, 2), NAMES, Limits(machines=1, calls_per_actor=1))
    assert sent_and_lost(coordinator, 0, blameless=True) == (Batch(0, 0, 2), [])
    assert coordinator.under_way["set_aside"] == 2
    (other,) = coordinator.handle(ActorReady(1, Role.EXTRACT))
    assert isinstance(other, Send)
    assert other.batch == Batch(1, 2, 4)
    assert coordinator.handle(ActorReady(2, Role.EXTRACT)) == []
    _, _, first = coordinator.handle(Returned(other.call, 0))
    assert isinstance(first, Send)
    assert first.batch == Batch(0, 0, 1)
    assert coordinator.handle(Returned(first.call, 1)) == []
    (predict,) = coordinator.handle(ActorReady(3, Role.PREDICT))
    *_, second = coordinator.handle(Returned(predict.call, 0)) if isinstance(predict, Send) else ()
    assert isinstance(second, Send)
    assert second.batch == Batch(0, 1, 2)


@given(tracks=st.integers(1, 3), attempts=st.integers(1, 3))
def test_a_track_is_given_up_after_as_many_deaths_alone_however_large_its_batch_was(tracks: int, attempts: int) -> None:
    coordinator = Coordinator([Part(0, 0, 0, tracks)], NAMES, Limits(attempts=attempts, calls_per_actor=1))
    lost = [sent_and_lost(coordinator, actor, blameless=False) for actor in range(2 * attempts)]
    assert [batch for batch, _ in lost] == [Batch(0, 0, tracks)] * attempts + [Batch(0, 0, 1)] * attempts
    given_up = [
        number for number, (_, commands) in enumerate(lost) for each in commands if isinstance(each, RejectTrack)
    ]
    assert given_up == [2 * attempts - 1]


def test_a_late_answer_of_a_call_that_was_given_up_only_frees_its_block() -> None:
    coordinator = Coordinator([Part(0, 0, 0, 4)], NAMES, Limits(batch_tracks=8))
    (sent,) = coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert isinstance(sent, Send)
    coordinator.handle(ActorLost(0, True, "gone"))
    assert coordinator.handle(Returned(sent.call, 4)) == [ForgetBlock(sent.call)]


def test_extraction_pauses_while_predictors_do_not_keep_up() -> None:
    coordinator = Coordinator(plan_parts(10_000, 1000), NAMES, Limits(batch_tracks=10, blocks_per_actor=4))
    sent = [c for c in coordinator.handle(ActorReady(0, Role.EXTRACT)) if isinstance(c, Send)]
    extracted = 0
    while sent:
        call = sent.pop(0)
        extracted += 1
        sent += [c for c in coordinator.handle(Returned(call.call, 10)) if isinstance(c, Send)]
    assert extracted == 4 + 1


def test_the_state_does_not_grow_with_the_number_of_parts() -> None:
    taken = []

    def parts() -> Iterator[Part]:
        for part in plan_parts(10**6, 100):
            taken.append(part)
            yield part

    coordinator = Coordinator(parts(), NAMES, Limits())
    coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert len(taken) <= 2


def test_when_no_more_parts_are_wanted_those_that_are_begun_are_finished() -> None:
    coordinator = Coordinator(plan_parts(20, 5), ["only"], Limits(batch_tracks=3))
    (first, second) = (command for command in coordinator.handle(ActorReady(0, 0)) if isinstance(command, Send))
    assert (first.batch.part, second.batch.part) == (0, 0)
    assert coordinator.handle(NoMoreParts()) == []
    assert not coordinator.finished
    assert coordinator.handle(Returned(first.call, 0)) == []
    assert coordinator.handle(Returned(second.call, 0)) == [CommitPart(0)]
    assert coordinator.handle(NoMoreParts()) == []
    coordinator.handle(Committed(0))
    assert coordinator.finished


def test_when_the_time_is_up_what_is_in_no_call_is_put_off_and_no_actor_is_needed() -> None:
    coordinator = Coordinator(plan_parts(13, 5), ["only"], Limits(batch_tracks=5, calls_per_actor=1, commits=2))
    (sent,) = coordinator.handle(ActorReady(0, 0))
    assert isinstance(sent, Send)
    assert coordinator.handle(ActorLost(0, True, "its machine is gone", "m")) == []
    # the part that was begun, and the next; the third once storage keeps up
    assert coordinator.handle(TimeIsUp()) == [
        PutOff(Batch(0, 0, 5)), CommitPart(0), PutOff(Batch(1, 5, 10)), CommitPart(1)
    ]  # fmt: skip
    assert coordinator.handle(ActorReady(1, 0)) == []
    assert coordinator.handle(Committed(0)) == [PutOff(Batch(2, 10, 13)), CommitPart(2)]
    assert not coordinator.finished
    assert coordinator.handle(Committed(1)) == coordinator.handle(Committed(2)) == []
    assert coordinator.finished


def test_when_the_time_is_up_blocks_are_finished_by_the_actors_that_are_there() -> None:
    coordinator = Coordinator(plan_parts(10, 10), NAMES, Limits(batch_tracks=5, calls_per_actor=2))
    first, second = (each for each in coordinator.handle(ActorReady(0, Role.EXTRACT)) if isinstance(each, Send))
    (predict,) = [*coordinator.handle(Returned(first.call, 5)), *coordinator.handle(ActorReady(1, Role.PREDICT))]
    assert isinstance(predict, Send)
    assert coordinator.handle(TimeIsUp()) == []
    (last,) = coordinator.handle(Returned(second.call, 5))
    assert isinstance(last, Send)
    assert coordinator.handle(Returned(predict.call, 0)) == [ForgetBlock(first.call)]
    # the block of the other one has no actor any more, and none will be started
    put_off = coordinator.handle(ActorLost(1, True, "its machine is gone", "m"))
    assert put_off == [PutOff(second.batch), ForgetBlock(second.call), CommitPart(0)]


def test_parts_that_are_begun_together_are_sent_in_turn() -> None:
    parts = [Part(0, 0, 0, 6), Part(5, 2, 100, 103), Part(9, 4, 200, 206), Part(1, 0, 6, 12)]
    limits = Limits(batch_tracks=3, calls_per_actor=100, parts_at_once=3)
    commands = Coordinator(parts, NAMES, limits).handle(ActorReady(0, Role.EXTRACT))
    starts = [command.batch.start for command in commands if isinstance(command, Send)]
    assert starts == [0, 100, 200, 6, 3, 203, 9]


def test_batches_that_are_cut_later_have_the_size_that_suits_then() -> None:
    coordinator = Coordinator(plan_parts(12, 12), NAMES, Limits(batch_tracks=3, calls_per_actor=1))
    commands = coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert coordinator.handle(BatchesOf(5)) == []
    sizes = []
    while sent := [command for command in commands if isinstance(command, Send)]:
        sizes.append(sent[0].batch.stop - sent[0].batch.start)
        assert coordinator.cut_tracks == sum(sizes)
        commands = coordinator.handle(Returned(sent[0].call, 0))
    assert sizes == [3, 4, 5]


def test_an_answer_that_comes_twice_leaves_its_block_alone() -> None:
    coordinator = Coordinator([Part(0, 0, 0, 4)], NAMES, Limits(batch_tracks=8))
    (sent,) = coordinator.handle(ActorReady(0, Role.EXTRACT))
    assert isinstance(sent, Send)
    assert coordinator.handle(Returned(sent.call, 4)) == []
    assert coordinator.handle(Returned(sent.call, 4)) == []
    (predict,) = coordinator.handle(ActorReady(1, Role.PREDICT))
    assert predict == Send(1, 1, Role.PREDICT, sent.batch, sent.call)


def test_an_actor_that_is_ready_twice_gets_no_more_calls_than_allowed() -> None:
    coordinator = Coordinator(plan_parts(100, 100), NAMES, Limits(batch_tracks=8, calls_per_actor=2))
    assert len(coordinator.handle(ActorReady(0, Role.EXTRACT))) == 2
    assert coordinator.handle(ActorReady(0, Role.EXTRACT)) == []


def test_no_part_is_started_while_storage_is_too_slow_for_finished_parts() -> None:
    coordinator = Coordinator(plan_parts(50, 1), NAMES, Limits(commits=3, calls_per_actor=1))
    commands = coordinator.handle(ActorReady(0, Role.EXTRACT))
    committed = 0
    while sent := [command for command in commands if isinstance(command, Send)]:
        commands = coordinator.handle(Returned(sent[0].call, 0))
        committed += sum(isinstance(command, CommitPart) for command in commands)
    assert committed == 3
    assert not coordinator.finished
    assert any(isinstance(command, Send) for command in coordinator.handle(Committed(0)))
