"""The name of a machine is Ray's, reported once the actor can work; tests/engine/test_ray_actors.py asks a real one."""

import pytest

from genre_batch.engine.machine import machine_of


class Broken:
    def ready(self) -> None:
        raise ValueError("no model")


def test_an_actor_that_cannot_work_does_not_say_where_it_is() -> None:
    with pytest.raises(ValueError, match="no model"):
        machine_of(Broken())
