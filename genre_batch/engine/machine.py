"""Which machine an actor is on. Runs in the actor, which loads no other part of the engine."""

from typing import Protocol

import ray


class Starts(Protocol):
    """An actor."""

    def ready(self) -> None:
        """Return once the actor can work."""


def machine_of(actor: Starts) -> str:
    """Ray's id of the machine that the actor is on, once the actor can work."""
    actor.ready()
    return ray.get_runtime_context().get_node_id()
