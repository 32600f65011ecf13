"""The simulated machines behave as Ray's actors do."""

import random
from dataclasses import dataclass, field

from genre_batch.catalog.shards import Batch
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
    BlockLost,
    DeadlinePassed,
    Event,
    Extracted,
    Predicted,
    Role,
    SendExtract,
    SendPredict,
)
from genre_batch.schedule.simulation.conditions import End, Fate
from genre_batch.schedule.simulation.machines import Machines
from genre_batch.schedule.simulation.timeline import Timeline
from genre_batch.schedule.simulation.weather import Chances, Weather

BATCH = Batch(0, 0, 4)


@dataclass(slots=True)
class Script(Weather):
    """Conditions that follow a script: the fates of the calls in order, and the life of the first machines."""

    fates: list[Fate] = field(default_factory=list)
    lives_s: list[float] = field(default_factory=list)

    def fate(self, role: Role, batch: Batch) -> Fate:
        return self.fates.pop(0) if self.fates else Fate(1.0)

    def start_s(self) -> float:
        return 0.0

    def node_life_s(self) -> float:
        return self.lives_s.pop(0) if self.lives_s else float("inf")


class Stage:
    """Machines whose events are written down."""

    def __init__(
        self, extract: int, predict: int = 0, *fates: Fate, lives_s: tuple[float, ...] = (), node_actors: int = 1
    ) -> None:
        self.timeline = Timeline()
        self.events: list[tuple[float, Event]] = []
        script = Script(random.Random(1), Chances(), node_actors=node_actors, fates=list(fates), lives_s=list(lives_s))
        self.machines = Machines(script, self.timeline, self.tell, {Role.EXTRACT: extract, Role.PREDICT: predict})
        self.machines.fill()
        self.until(0.0)
        self.ready = len(self.events)

    def tell(self, event: Event) -> None:
        self.events.append((self.timeline.now_s, event))

    def until(self, time_s: float) -> None:
        stop: list[bool] = []
        self.timeline.at(time_s, stop.append, True)
        while not stop:
            self.timeline.step()

    def told(self) -> list[tuple[float, Event]]:
        return self.events[self.ready :]


def test_an_actor_does_its_calls_one_after_another() -> None:
    stage = Stage(1, 0, Fate(2.0), Fate(3.0))
    stage.machines.send(SendExtract(0, 0, BATCH))
    stage.machines.send(SendExtract(1, 0, BATCH))
    stage.until(100.0)
    assert stage.told() == [(2.0, Extracted(0, 4)), (5.0, Extracted(1, 4))]
    assert stage.machines.busy_s[Role.EXTRACT] == 5.0
    assert stage.machines.alive_s(Role.EXTRACT) == 100.0
    assert stage.machines.blocks == 2


def test_answers_of_one_actor_do_not_overtake_one_another_and_may_come_twice_or_never() -> None:
    fates = (Fate(1.0, delays_s=(5.0, 9.0)), Fate(1.0), Fate(1.0, delays_s=()))
    stage = Stage(1, 0, *fates)
    for call in range(3):
        stage.machines.send(SendExtract(call, 0, BATCH))
    stage.until(30.0)
    assert [event for _, event in stage.told()] == [Extracted(0, 4), Extracted(0, 4), Extracted(1, 4)]


def test_a_killed_actor_is_told_of_with_its_calls_and_replaced() -> None:
    stage = Stage(1, 0, Fate(2.0, End.KILLS))
    stage.machines.send(SendExtract(0, 0, BATCH))
    stage.until(10.0)
    (lost_at_s, lost), (_, ready) = stage.told()
    assert 2.0 <= lost_at_s <= 3.0
    assert lost == ActorLost(0, False, "killed", "machine 0")
    assert ready == ActorReady(1, Role.EXTRACT)


def test_a_call_may_take_its_whole_machine_down_and_nobody_is_blamed() -> None:
    stage = Stage(1, 1, Fate(2.0, End.TAKES_MACHINE), Fate(5.0), node_actors=2)
    stage.machines.send(SendExtract(0, 0, BATCH))
    stage.machines.send(SendPredict(1, 1, BATCH, 7))
    stage.until(10.0)
    lost = [event for _, event in stage.told() if isinstance(event, ActorLost)]
    assert sorted(lost, key=lambda each: each.actor) == [
        ActorLost(actor, True, "its node has died", "machine 0") for actor in (0, 1)
    ]


def test_an_idle_actor_that_went_with_its_machine_is_missed_at_its_next_call() -> None:
    stage = Stage(1, 0, lives_s=(5.0,))
    stage.until(20.0)
    assert stage.told() == []
    stage.machines.send(SendExtract(0, 0, BATCH))
    stage.until(30.0)
    assert next(event for _, event in stage.told()) == ActorLost(0, True, "its node has died", "machine 0")


def test_a_block_goes_with_the_machine_that_made_it() -> None:
    stage = Stage(1, 1, lives_s=(5.0,))
    stage.machines.send(SendExtract(0, 0, BATCH))
    stage.until(4.0)
    stage.machines.send(SendPredict(1, 1, BATCH, 0))
    stage.until(4.5)
    stage.until(7.0)
    assert [event for _, event in stage.told()][:2] == [Extracted(0, 4), Predicted(1)]
    stage.machines.send(SendPredict(2, 1, BATCH, 0))
    stage.until(10.0)
    assert BlockLost(2) in [event for _, event in stage.told()]


def test_the_deadline_passes_for_an_actor_that_hangs_until_it_is_stopped() -> None:
    stage = Stage(1, 0, Fate(1.0), Fate(1.0, End.HANGS))
    stage.machines.send(SendExtract(0, 0, BATCH))
    stage.machines.send(SendExtract(1, 0, BATCH))
    stage.until(130.0)
    assert stage.told() == [(1.0, Extracted(0, 4)), (61.0, DeadlinePassed(0)), (121.0, DeadlinePassed(0))]
    stage.machines.stop(0)
    stage.until(500.0)
    assert stage.told()[3:] == [(130.0, ActorReady(1, Role.EXTRACT))]


def test_a_smaller_pool_loses_machines_and_a_larger_one_gains_them() -> None:
    stage = Stage(4)
    for actor in range(4):
        stage.machines.send(SendExtract(actor, actor, BATCH))
    stage.machines.wanted[Role.EXTRACT] = 1
    stage.machines.shrink()
    stage.until(10.0)
    assert sum(isinstance(event, ActorLost) for _, event in stage.told()) == 3
    stage.machines.wanted[Role.EXTRACT] = 2
    stage.machines.fill()
    stage.until(20.0)
    assert stage.told()[-1][1] == ActorReady(4, Role.EXTRACT)
