"""A driver that dies at any step leaves the rest to the next, and a run that is stuck is detected."""

import random

import pytest
from simulation.driver import Driver, DriverDied, Ledger
from simulation.referee import RuleBroken
from simulation.timeline import Timeline
from simulation.weather import Chances, Weather
from two_stages import Role

from genre_batch.catalog.work_units import plan_parts
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import Command, Event, TimeIsUp
from genre_batch.schedule.limits import Limits

PARTS = plan_parts(20, 6)
POOLS = {Role.EXTRACT: 2, Role.PREDICT: 1}


def start(ledger: Ledger, timeline: Timeline, seed: int = 1, **options: object) -> Driver:
    weather, limits = Weather(random.Random(seed), Chances()), Limits(batch_tracks=3)
    return Driver(Coordinator, PARTS, limits, weather, dict(POOLS), ledger, timeline, **options)  # type: ignore[arg-type]


def test_a_driver_may_die_at_any_step_and_the_next_does_only_the_rest() -> None:
    steps = 0
    while True:
        ledger, timeline = Ledger(), Timeline()
        try:
            start(ledger, timeline, dies_after=steps).run()
            break
        except DriverDied:
            before = dict(ledger.given_up)
        timeline.clear()
        start(ledger, timeline).run()
        assert sorted(ledger.given_up) == [0, 1, 2, 3]
        assert before.items() <= ledger.given_up.items()
        steps += 1
    assert steps > 40


def test_the_first_to_write_a_part_to_the_ledger_wins() -> None:
    ledger = Ledger()
    ledger.create(0, (3,))
    ledger.create(0, ())
    assert ledger.given_up == {0: (3,)}


def test_the_trace_has_every_event_and_command_in_order_of_time() -> None:
    seen: list[tuple[float, str]] = []
    driver = start(Ledger(), Timeline(), trace=lambda at_s, what: seen.append((at_s, what)))
    driver.run()
    assert [at_s for at_s, _ in seen] == sorted(at_s for at_s, _ in seen)
    kinds = {what.partition("(")[0] for _, what in seen}
    wanted = {"ActorReady", "Send", "Returned"}
    assert kinds == wanted | {"ForgetBlock", "CommitPart", "Committed"}


def test_progress_is_reported_up_to_the_last_track() -> None:
    reported: list[int] = []
    start(Ledger(), Timeline(), on_progress=lambda _, tracks: reported.append(tracks)).run()
    assert reported == sorted(set(reported))
    assert reported[-1] == 20


@pytest.mark.parametrize("extractors", [0, 2])
def test_when_the_time_is_up_nothing_waits_for_actors_that_the_cluster_does_not_give(extractors: int) -> None:
    """Without extractors nothing was begun; without predictors what was extracted has nobody to go to."""

    def begun() -> tuple[Driver, Timeline, Ledger]:
        weather, timeline, ledger = Weather(random.Random(1), Chances()), Timeline(), Ledger()
        pools = {Role.EXTRACT: extractors, Role.PREDICT: 0}
        return Driver(Coordinator, PARTS, Limits(batch_tracks=3), weather, pools, ledger, timeline), timeline, ledger

    driver, _, _ = begun()
    with pytest.raises(RuleBroken, match="nothing more will happen"):
        driver.run()
    driver, timeline, ledger = begun()
    timeline.after(3600.0, driver.on_event, TimeIsUp())
    driver.run()
    assert sorted(ledger.given_up) == [0, 1, 2, 3]
    assert driver.referee.put_off == set(range(20))
    assert (driver.events["Returned"] > 0) == (extractors > 0)


def test_a_coordinator_that_does_nothing_is_stuck() -> None:
    class Idle(Coordinator):
        def handle(self, event: Event) -> list[Command]:
            return []

    weather = Weather(random.Random(1), Chances())
    driver = Driver(Idle, PARTS, Limits(), weather, dict(POOLS), Ledger(), Timeline())
    with pytest.raises(RuleBroken, match="nothing more will happen"):
        driver.run()
    weather = Weather(random.Random(1), Chances(node_life_s=60.0))
    driver = Driver(Idle, PARTS, Limits(), weather, dict(POOLS), Ledger(), Timeline())
    with pytest.raises(RuleBroken, match=r"nothing more will happen|no progress"):
        driver.run()
