"""Ray's own error types, and what they mean for a run."""

import pytest
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    NodeDiedError,
    ObjectLostError,
    ObjectReconstructionFailedError,
    OutOfMemoryError,
    OwnerDiedError,
    RayActorError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from genre_batch.engine.ray_errors import actor_lives, block_is_lost, cause, machine_went_away


@pytest.mark.parametrize("kind", [ObjectLostError, ObjectReconstructionFailedError, OwnerDiedError])
def test_a_lost_block_is_not_taken_for_a_lost_actor(kind: type[RayError]) -> None:
    assert issubclass(kind, ObjectLostError)
    assert block_is_lost(ObjectLostError("ref", None, ""))


@pytest.mark.parametrize(
    "error", [OutOfMemoryError("killed"), WorkerCrashedError(), NodeDiedError("gone"), ActorDiedError()]
)
def test_an_actor_that_ray_or_the_system_ended_does_not_live(error: RayError) -> None:
    assert not actor_lives(error)
    assert not block_is_lost(error)


def test_an_actor_whose_method_raised_lives() -> None:
    assert actor_lives(RayTaskError("extract", "Traceback\nValueError: odd", ValueError("odd")))


def test_nobody_is_to_blame_for_a_node_that_went_away() -> None:
    assert machine_went_away(NodeDiedError("gone"))
    assert machine_went_away(RayActorError(error_msg="The actor died because its node has died. Node Id: 1"))
    assert machine_went_away(RayActorError(preempted=True))
    assert not machine_went_away(OutOfMemoryError("killed"))
    assert not machine_went_away(ActorDiedError())


def test_nobody_is_to_blame_for_an_actor_that_cannot_be_reached() -> None:
    unreachable = ActorUnavailableError("RpcError: Socket closed", None)
    assert not actor_lives(unreachable)
    assert machine_went_away(unreachable)


def test_one_line_names_the_cause() -> None:
    raised = RayTaskError("extract", "Traceback\n  File x\ngenre_batch.errors.UsageError: no bundle\n", ValueError())
    assert cause(raised) == "no bundle"
    assert "ran out of memory" in cause(OutOfMemoryError("long\ntext"))
