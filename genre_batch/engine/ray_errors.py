"""What Ray's errors mean for a run: whether the actor is still alive, what is to blame, and the cause in one line."""

import re

from ray.exceptions import (
    ActorUnavailableError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
)

from genre_batch.catalog.reject import RejectStage
from genre_batch.stages.stage import StepFailed

_OUR_ERROR = re.compile(r"^genre_batch\.(errors|stages\.stage)\.\w+: ")


def block_is_lost(error: RayError) -> bool:
    """Whether a call could not begin because the block it needs is gone; its actor is still alive."""
    return isinstance(error, ObjectLostError)


def actor_lives(error: RayError) -> bool:
    """Whether the method itself raised; other errors (a dead worker or node, memory) mean that the actor is gone."""
    return isinstance(error, RayTaskError)


def blamed(error: RayError) -> RejectStage | None:
    """What a fused stage says was at fault when its method raised; None for any other stage."""
    raised = getattr(error, "cause", None)
    return raised.blames if isinstance(raised, StepFailed) else None


def machine_went_away(error: RayError) -> bool:
    """Whether the actor died with its machine or lost its link, so that no batch is at fault."""
    # A machine reports the death of a single worker within the second that Ray waits for it. If Ray only says
    # "unavailable", the machine is silent, too; its health check takes many seconds to find that it died.
    if isinstance(error, ActorUnavailableError | NodeDiedError):
        return True
    # Ray 2.60 has a type for tasks on dead nodes; for actors, only the message says it.
    return isinstance(error, RayActorError) and (error.preempted or "its node has died" in str(error))


def cause(error: RayError) -> str:
    """The one line of Ray's long messages that names the cause."""
    if isinstance(error, OutOfMemoryError):
        return "Ray ended the actor because its machine ran out of memory"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _OUR_ERROR.sub("", lines[-1]) if lines else type(error).__name__
