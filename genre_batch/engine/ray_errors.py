"""What Ray's errors mean for a run: whether the actor lives on, who is to blame, and one line that says so."""

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

_OUR_ERROR = re.compile(r"^genre_batch\.errors\.\w+: ")


def block_is_lost(error: RayError) -> bool:
    """Whether a call could not begin because the block it needs is gone; its actor lives on."""
    return isinstance(error, ObjectLostError)


def actor_lives(error: RayError) -> bool:
    """Whether the method itself raised; other errors (a dead worker or node, memory) mean that the actor is gone."""
    return isinstance(error, RayTaskError)


def machine_went_away(error: RayError) -> bool:
    """Whether the actor died with its machine or lost its link, so that no batch is at fault."""
    # A worker that dies alone is reported by its machine within the second that Ray waits for news. Where Ray can say
    # no more than "unavailable", the machine is silent too; its health check takes many seconds to find that it died.
    if isinstance(error, ActorUnavailableError | NodeDiedError):
        return True
    # Ray 2.60 has a type for tasks on dead nodes but tells it of actors in words alone.
    return isinstance(error, RayActorError) and (error.preempted or "its node has died" in str(error))


def told(error: RayError) -> str:
    """The one line of Ray's long messages that names the cause."""
    if isinstance(error, OutOfMemoryError):
        return "Ray ended the actor because its machine ran out of memory"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _OUR_ERROR.sub("", lines[-1]) if lines else type(error).__name__
