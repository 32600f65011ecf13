"""The referee accepts a proper run and sees each rule broken."""

import pytest

from genre_batch.catalog.shards import Batch, plan_shards
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
from genre_batch.schedule.simulation.referee import Referee, RuleBroken

A, B, ONE = Batch(0, 0, 2), Batch(0, 2, 4), Batch(0, 0, 1)
OTHER = Batch(1, 4, 6)
READY = [ActorReady(0, Role.EXTRACT), ActorReady(1, Role.PREDICT)]
EXTRACTED = [*READY, SendExtract(0, 0, A), Extracted(0, 2)]
SCORED = [*EXTRACTED, SendPredict(1, 1, A, 0), Predicted(1), ForgetBlock(0)]
WHOLE = [*SCORED, SendExtract(2, 0, B), Extracted(2, 0), ForgetBlock(2), CommitShard(0)]
BLAMED = [*READY, *(step for call in (0, 1) for step in (SendExtract(call, 0, A), CallFailed(call, "raised")))]


TAKEN = [
    *READY,
    *(
        step
        for actor in (0, 2)
        for step in (
            SendExtract(actor, actor, A),
            ActorLost(actor, True, "gone", f"machine {actor}"),
            ActorReady(actor + 2, Role.EXTRACT),
        )
    ),
]
LIMITS = Limits(batch_tracks=2, machines=2, commits=1, blocks_per_predictor=1)


def watch(steps: list[Event | Command]) -> Referee:
    referee = Referee(plan_shards(8, 4), frozenset(), LIMITS)
    for step in steps:
        if isinstance(step, Event):
            referee.told(step)
        else:
            referee.asked(step)
    return referee


def test_a_proper_run_passes() -> None:
    last = [SendExtract(3, 0, OTHER), Extracted(3, 0), ForgetBlock(3)]
    last += [SendExtract(4, 0, Batch(1, 6, 8)), Extracted(4, 0), ForgetBlock(4), CommitShard(1), Committed(1)]
    referee = watch([*WHOLE, Committed(0), *last])
    referee.ended()
    assert referee.tracks_done == 8


def test_given_up_rows_are_those_of_tracks_alone_that_used_up_their_attempts() -> None:
    alone = [step for call in (2, 3) for step in (SendExtract(call, 0, ONE), CallFailed(call, "raised"))]
    rest = [SendExtract(4, 0, Batch(0, 1, 2)), Extracted(4, 0), SendExtract(5, 0, B), Extracted(5, 0)]
    referee = watch([*BLAMED, *alone, RejectTrack(ONE, Role.EXTRACT, 2, "raised"), *rest])
    assert referee.asked(CommitShard(0)) == (0,)


def test_given_up_rows_are_also_those_that_took_down_machines_alone() -> None:
    alone = [
        step
        for actor in (4, 6)
        for step in (
            SendExtract(actor, actor, ONE),
            ActorLost(actor, True, "gone", f"machine {actor}"),
            ActorReady(actor + 2, Role.EXTRACT),
        )
    ]
    rest = [SendExtract(8, 8, Batch(0, 1, 2)), Extracted(8, 0), SendExtract(9, 8, B), Extracted(9, 0)]
    referee = watch([*TAKEN, *alone, RejectTrack(ONE, Role.EXTRACT, 2, "gone"), *rest])
    assert referee.asked(CommitShard(0)) == (0,)


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ([SendExtract(0, 0, A)], "goes to no extract actor"),
        ([*READY, SendExtract(0, 1, A)], "goes to no extract actor"),
        ([*READY, ActorLost(0, True, ""), SendExtract(0, 0, A)], "goes to no extract actor"),
        ([*READY, SendExtract(0, 0, A), SendExtract(1, 0, A)], "in another actor's hand"),
        ([*READY, SendExtract(0, 0, A), SendExtract(1, 0, B), SendExtract(2, 0, OTHER)], "one call too many"),
        ([*EXTRACTED, SendExtract(2, 0, B)], "while 1 blocks wait"),
        ([*SCORED, SendExtract(2, 0, A)], "is done already"),
        ([*BLAMED, SendExtract(2, 0, A)], "has no attempt left"),
        ([*READY, SendExtract(0, 0, ONE)], "neither planned nor split off"),
        ([*READY, SendExtract(0, 0, Batch(0, 0, 3))], "neither planned nor split off"),
        ([*TAKEN[:5], SendExtract(2, 2, ONE)], "neither planned nor split off"),
        ([*TAKEN, SendExtract(4, 4, A)], "has no attempt left"),
        ([*TAKEN, SendExtract(4, 4, B), SendExtract(5, 4, ONE)], "with nothing beside it"),
        ([*TAKEN, SendExtract(4, 4, ONE), SendExtract(5, 4, B)], "with nothing beside it"),
        ([*TAKEN, SendExtract(4, 4, ONE), ActorLost(4, True, ""), RejectTrack(ONE, Role.EXTRACT, 1, "")], "too early"),
        ([*EXTRACTED, SendPredict(1, 1, A, 7)], "without its block"),
        ([*EXTRACTED, SendPredict(1, 1, A, 0), ForgetBlock(0)], "while a predict actor has it"),
        ([*EXTRACTED, SendPredict(1, 1, A, 0), BlockLost(1), SendPredict(2, 1, A, 0)], "without its block"),
        ([*BLAMED, RejectTrack(A, Role.EXTRACT, 2, "")], "given up as a whole"),
        ([*BLAMED, SendExtract(2, 0, ONE), RejectTrack(ONE, Role.EXTRACT, 1, "")], "given up too early"),
        ([*SCORED, CommitShard(0)], "committed without row 2"),
        ([*WHOLE, CommitShard(0)], "committed again"),
        ([*WHOLE, SendExtract(3, 0, B)], "opened again"),
        ([*WHOLE, SendExtract(3, 0, OTHER)], "while commits pile up"),
        ([*READY, StopActor(0, Role.EXTRACT)], "stopped for no reason"),
        ([*READY, SendExtract(0, 0, A), DeadlinePassed(0), Committed(0)], "was not stopped"),
    ],
)
def test_a_broken_rule_is_seen_at_the_last_step(steps: list[Event | Command], rule: str) -> None:
    watch(steps[:-1])
    with pytest.raises(RuleBroken, match=rule):
        watch(steps)


@pytest.mark.parametrize("steps", [EXTRACTED, SCORED, WHOLE, [*WHOLE, Committed(0)]])
def test_the_end_is_no_end_while_something_is_left(steps: list[Event | Command]) -> None:
    with pytest.raises(RuleBroken, match=r"left at the end|not every shard"):
        watch(steps).ended()
