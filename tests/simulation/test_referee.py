"""The referee accepts a correct run, and notices every broken rule."""

import pytest
from simulation.referee import Referee, RuleBroken
from two_stages import Role, to_extract, to_predict

from genre_batch.catalog.work_units import Batch, plan_parts
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
    BlockLost,
    CallFailed,
    Command,
    CommitPart,
    Committed,
    DeadlinePassed,
    Event,
    ForgetBlock,
    RejectTrack,
    Returned,
    StopActor,
)
from genre_batch.schedule.limits import Limits

A, B, ONE = Batch(0, 0, 2), Batch(0, 2, 4), Batch(0, 0, 1)
OTHER = Batch(1, 4, 6)
READY = [ActorReady(0, Role.EXTRACT), ActorReady(1, Role.PREDICT)]
EXTRACTED = [*READY, to_extract(0, 0, A), Returned(0, 2)]
SCORED = [*EXTRACTED, to_predict(1, 1, A, 0), Returned(1, 0), ForgetBlock(0)]
WHOLE = [*SCORED, to_extract(2, 0, B), Returned(2, 0), ForgetBlock(2), CommitPart(0)]
BLAMED = [*READY, *(step for call in (0, 1) for step in (to_extract(call, 0, A), CallFailed(call, "raised")))]


TAKEN = [
    *READY,
    *(
        step
        for actor in (0, 2)
        for step in (
            to_extract(actor, actor, A),
            ActorLost(actor, True, "gone", f"machine {actor}"),
            ActorReady(actor + 2, Role.EXTRACT),
        )
    ),
]
LIMITS = Limits(batch_tracks=2, machines=2, commits=1, blocks_per_actor=1)


def watch(steps: list[Event | Command]) -> Referee:
    referee = Referee(plan_parts(8, 4), frozenset(), LIMITS)
    for step in steps:
        if isinstance(step, Event):
            referee.note_event(step)
        else:
            referee.note_command(step)
    return referee


def test_a_correct_run_passes() -> None:
    last = [to_extract(3, 0, OTHER), Returned(3, 0), ForgetBlock(3)]
    last += [to_extract(4, 0, Batch(1, 6, 8)), Returned(4, 0), ForgetBlock(4), CommitPart(1), Committed(1)]
    referee = watch([*WHOLE, Committed(0), *last])
    referee.check_end()
    assert referee.tracks_done == 8


def test_a_track_that_used_up_its_attempts_alone_may_be_rejected() -> None:
    alone = [step for call in (2, 3) for step in (to_extract(call, 0, ONE), CallFailed(call, "raised"))]
    rest = [to_extract(4, 0, Batch(0, 1, 2)), Returned(4, 0), to_extract(5, 0, B), Returned(5, 0)]
    referee = watch([*BLAMED, *alone, RejectTrack(ONE, Role.EXTRACT, 2, "raised"), *rest])
    assert referee.note_command(CommitPart(0)) == (0,)


def test_a_track_that_took_down_machines_alone_may_be_rejected() -> None:
    alone = [
        step
        for actor in (4, 6)
        for step in (
            to_extract(actor, actor, ONE),
            ActorLost(actor, True, "gone", f"machine {actor}"),
            ActorReady(actor + 2, Role.EXTRACT),
        )
    ]
    rest = [to_extract(8, 8, Batch(0, 1, 2)), Returned(8, 0), to_extract(9, 8, B), Returned(9, 0)]
    referee = watch([*TAKEN, *alone, RejectTrack(ONE, Role.EXTRACT, 2, "gone"), *rest])
    assert referee.note_command(CommitPart(0)) == (0,)


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ([to_extract(0, 0, A)], "goes to an actor of another stage"),
        ([*READY, to_extract(0, 1, A)], "goes to an actor of another stage"),
        ([*READY, ActorLost(0, True, ""), to_extract(0, 0, A)], "goes to an actor of another stage"),
        ([*READY, to_extract(0, 0, A), to_extract(1, 0, A)], "another actor is already working on"),
        ([*READY, to_extract(0, 0, A), to_extract(1, 0, B), to_extract(2, 0, OTHER)], "one call too many"),
        ([*EXTRACTED, to_extract(2, 0, B)], "is sent while 1 blocks wait"),
        ([*SCORED, to_extract(2, 0, A)], "already has an outcome"),
        ([*BLAMED, to_extract(2, 0, A)], "has no attempt left"),
        ([*READY, to_extract(0, 0, ONE)], "neither cut nor split off"),
        ([*READY, to_extract(0, 0, Batch(0, 0, 3))], "neither cut nor split off"),
        ([*TAKEN[:5], to_extract(2, 2, ONE)], "neither cut nor split off"),
        ([*TAKEN, to_extract(4, 4, A)], "has no attempt left"),
        ([*TAKEN, to_extract(4, 4, B), to_extract(5, 4, ONE)], "must run alone"),
        ([*TAKEN, to_extract(4, 4, ONE), to_extract(5, 4, B)], "must run alone"),
        ([*TAKEN, to_extract(4, 4, ONE), ActorLost(4, True, ""), RejectTrack(ONE, Role.EXTRACT, 1, "")], "too early"),
        ([*EXTRACTED, to_predict(1, 1, A, 7)], "without its block"),
        ([*EXTRACTED, to_predict(1, 1, A, 0), ForgetBlock(0)], "while an actor uses it"),
        ([*EXTRACTED, to_predict(1, 1, A, 0), BlockLost(1), to_predict(2, 1, A, 0)], "without its block"),
        ([*BLAMED, RejectTrack(A, Role.EXTRACT, 2, "")], "rejected as a whole"),
        ([*BLAMED, to_extract(2, 0, ONE), RejectTrack(ONE, Role.EXTRACT, 1, "")], "rejected too early"),
        ([*SCORED, CommitPart(0)], "committed without row 2"),
        ([*WHOLE, CommitPart(0)], "committed again"),
        ([*WHOLE, to_extract(3, 0, B)], "opened again"),
        ([*WHOLE, to_extract(3, 0, OTHER)], "while too many commits are pending"),
        ([*READY, StopActor(0)], "stopped without a reason"),
        ([*READY, to_extract(0, 0, A), DeadlinePassed(0), Committed(0)], "was not stopped"),
    ],
)
def test_a_broken_rule_is_noticed_at_the_last_step(steps: list[Event | Command], rule: str) -> None:
    watch(steps[:-1])
    with pytest.raises(RuleBroken, match=rule):
        watch(steps)


@pytest.mark.parametrize("steps", [EXTRACTED, SCORED, WHOLE, [*WHOLE, Committed(0)]])
def test_a_run_must_not_end_while_anything_is_left(steps: list[Event | Command]) -> None:
    with pytest.raises(RuleBroken, match=r"left at the end|not every part"):
        watch(steps).check_end()
