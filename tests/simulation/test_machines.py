"""The simulated machines behave like Ray's actors."""

import random
from dataclasses import dataclass, field

from simulation.conditions import End, Fate
from simulation.machines import Machines
from simulation.timeline import Timeline
from simulation.weather import Chances, Weather
from two_stages import Role, to_extract, to_predict

from genre_batch.catalog.work_units import Batch
from genre_batch.schedule.events import ActorLost, ActorReady, BlockLost, DeadlinePassed, Event, Returned

BATCH = Batch(0, 0, 4)


@dataclass(slots=True)
class Script(Weather):
    """Scripted conditions: the fates of the calls in order, and the lifetimes of the first machines."""

    fates: list[Fate] = field(default_factory=list)
    lives_s: list[float] = field(default_factory=list)

    def fate(self, role: Role, batch: Batch) -> Fate:
        return self.fates.pop(0) if self.fates else Fate(1.0)

    def start_s(self) -> float:
        return 0.0

    def node_life_s(self) -> float:
        return self.lives_s.pop(0) if self.lives_s else float("inf")


class Recorder:
    """Machines whose events are recorded."""

    def __init__(
        self, extract: int, predict: int = 0, *fates: Fate, lives_s: tuple[float, ...] = (), node_actors: int = 1
    ) -> None:
        self.timeline = Timeline()
        self.events: list[tuple[float, Event]] = []
        script = Script(random.Random(1), Chances(), node_actors=node_actors, fates=list(fates), lives_s=list(lives_s))
        self.machines = Machines(script, self.timeline, self.on_event, {Role.EXTRACT: extract, Role.PREDICT: predict})
        self.machines.fill()
        self.until(0.0)
        self.ready = len(self.events)

    def on_event(self, event: Event) -> None:
        self.events.append((self.timeline.now_s, event))

    def until(self, time_s: float) -> None:
        stop: list[bool] = []
        self.timeline.at(time_s, stop.append, True)
        while not stop:
            self.timeline.step()

    def new_events(self) -> list[tuple[float, Event]]:
        """The events since all actors were ready."""
        return self.events[self.ready :]


def test_an_actor_works_on_its_calls_one_after_another() -> None:
    recorder = Recorder(1, 0, Fate(2.0), Fate(3.0))
    recorder.machines.send(to_extract(0, 0, BATCH))
    recorder.machines.send(to_extract(1, 0, BATCH))
    recorder.until(100.0)
    assert recorder.new_events() == [(2.0, Returned(0, 4)), (5.0, Returned(1, 4))]
    assert recorder.machines.busy_s[Role.EXTRACT] == 5.0
    assert recorder.machines.alive_s(Role.EXTRACT) == 100.0
    assert recorder.machines.blocks == 2


def test_the_answers_of_an_actor_arrive_in_order_and_may_arrive_twice_or_never() -> None:
    fates = (Fate(1.0, delays_s=(5.0, 9.0)), Fate(1.0), Fate(1.0, delays_s=()))
    recorder = Recorder(1, 0, *fates)
    for call in range(3):
        recorder.machines.send(to_extract(call, 0, BATCH))
    recorder.until(30.0)
    assert [event for _, event in recorder.new_events()] == [Returned(0, 4), Returned(0, 4), Returned(1, 4)]


def test_a_killed_actor_is_reported_and_replaced() -> None:
    recorder = Recorder(1, 0, Fate(2.0, End.KILLS))
    recorder.machines.send(to_extract(0, 0, BATCH))
    recorder.until(10.0)
    (lost_at_s, lost), (_, ready) = recorder.new_events()
    assert 2.0 <= lost_at_s <= 3.0
    assert lost == ActorLost(0, False, "killed", "machine 0")
    assert ready == ActorReady(1, Role.EXTRACT)


def test_a_call_may_take_down_its_machine_whose_actors_are_then_blameless() -> None:
    recorder = Recorder(1, 1, Fate(2.0, End.TAKES_MACHINE), Fate(5.0), node_actors=2)
    recorder.machines.send(to_extract(0, 0, BATCH))
    recorder.machines.send(to_predict(1, 1, BATCH, 7))
    recorder.until(10.0)
    lost = [event for _, event in recorder.new_events() if isinstance(event, ActorLost)]
    assert sorted(lost, key=lambda each: each.actor) == [
        ActorLost(actor, True, "its node has died", "machine 0") for actor in (0, 1)
    ]


def test_the_death_of_an_idle_actor_is_noticed_at_its_next_call() -> None:
    recorder = Recorder(1, 0, lives_s=(5.0,))
    recorder.until(20.0)
    assert recorder.new_events() == []
    recorder.machines.send(to_extract(0, 0, BATCH))
    recorder.until(30.0)
    assert next(event for _, event in recorder.new_events()) == ActorLost(0, True, "its node has died", "machine 0")


def test_a_block_is_lost_with_the_machine_that_made_it() -> None:
    recorder = Recorder(1, 1, lives_s=(5.0,))
    recorder.machines.send(to_extract(0, 0, BATCH))
    recorder.until(4.0)
    recorder.machines.send(to_predict(1, 1, BATCH, 0))
    recorder.until(4.5)
    recorder.until(7.0)
    assert [event for _, event in recorder.new_events()][:2] == [Returned(0, 4), Returned(1, 0)]
    recorder.machines.send(to_predict(2, 1, BATCH, 0))
    recorder.until(10.0)
    assert BlockLost(2) in [event for _, event in recorder.new_events()]


def test_the_deadline_passes_for_an_actor_that_hangs_until_it_is_stopped() -> None:
    recorder = Recorder(1, 0, Fate(1.0), Fate(1.0, End.HANGS))
    recorder.machines.send(to_extract(0, 0, BATCH))
    recorder.machines.send(to_extract(1, 0, BATCH))
    recorder.until(130.0)
    assert recorder.new_events() == [(1.0, Returned(0, 4)), (61.0, DeadlinePassed(0)), (121.0, DeadlinePassed(0))]
    recorder.machines.stop(0)
    recorder.until(500.0)
    assert recorder.new_events()[3:] == [(130.0, ActorReady(1, Role.EXTRACT))]


def test_shrinking_a_pool_removes_machines_and_growing_it_adds_some() -> None:
    recorder = Recorder(4)
    for actor in range(4):
        recorder.machines.send(to_extract(actor, actor, BATCH))
    recorder.machines.wanted[Role.EXTRACT] = 1
    recorder.machines.shrink()
    recorder.until(10.0)
    assert sum(isinstance(event, ActorLost) for _, event in recorder.new_events()) == 3
    recorder.machines.wanted[Role.EXTRACT] = 2
    recorder.machines.fill()
    recorder.until(20.0)
    assert recorder.new_events()[-1][1] == ActorReady(4, Role.EXTRACT)
