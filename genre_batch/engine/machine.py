"""Where an actor is; sent to the actor, so that only this much of the engine is loaded there."""

from typing import Protocol

import ray


class Starts(Protocol):
    """An actor."""

    def ready(self) -> None:
        """Return once the actor can work."""


def machine_of(actor: Starts) -> str:
    """The name that Ray gives the machine of an actor, once the actor can work. Called in its process."""
    actor.ready()
    return ray.get_runtime_context().get_node_id()
