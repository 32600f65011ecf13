"""A driver that dies at any step leaves the rest to the next, and a run that is stuck is seen."""

import random

import pytest

from genre_batch.catalog.shards import plan_shards
from genre_batch.schedule.coordinator import Coordinator, Limits
from genre_batch.schedule.events import Command, Event, Role
from genre_batch.schedule.simulation.driver import Driver, DriverDied, Ledger
from genre_batch.schedule.simulation.referee import RuleBroken
from genre_batch.schedule.simulation.timeline import Timeline
from genre_batch.schedule.simulation.weather import Chances, Weather

SHARDS = plan_shards(20, 6)
POOLS = {Role.EXTRACT: 2, Role.PREDICT: 1}


def start(ledger: Ledger, timeline: Timeline, seed: int = 1, **options: object) -> Driver:
    weather, limits = Weather(random.Random(seed), Chances()), Limits(batch_tracks=3)
    return Driver(Coordinator, SHARDS, limits, weather, dict(POOLS), ledger, timeline, **options)  # type: ignore[arg-type]


def test_a_driver_may_die_at_every_single_step_and_the_next_does_the_rest_alone() -> None:
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


def test_the_first_to_write_a_shard_into_the_ledger_wins() -> None:
    ledger = Ledger()
    ledger.create(0, (3,))
    ledger.create(0, ())
    assert ledger.given_up == {0: (3,)}


def test_the_trace_has_each_event_and_each_command_in_order_of_time() -> None:
    seen: list[tuple[float, str]] = []
    driver = start(Ledger(), Timeline(), trace=lambda at_s, what: seen.append((at_s, what)))
    driver.run()
    assert [at_s for at_s, _ in seen] == sorted(at_s for at_s, _ in seen)
    kinds = {what.partition("(")[0] for _, what in seen}
    wanted = {"ActorReady", "SendExtract", "Extracted", "SendPredict", "Predicted"}
    assert kinds == wanted | {"ForgetBlock", "CommitShard", "Committed"}


def test_progress_is_told_up_to_the_last_track() -> None:
    told: list[int] = []
    start(Ledger(), Timeline(), on_progress=lambda _, tracks: told.append(tracks)).run()
    assert told == sorted(set(told))
    assert told[-1] == 20


def test_a_coordinator_that_does_nothing_is_stuck() -> None:
    class Idle(Coordinator):
        def handle(self, event: Event) -> list[Command]:
            return []

    weather = Weather(random.Random(1), Chances())
    driver = Driver(Idle, SHARDS, Limits(), weather, dict(POOLS), Ledger(), Timeline())
    with pytest.raises(RuleBroken, match="nothing will ever happen"):
        driver.run()
    weather = Weather(random.Random(1), Chances(node_life_s=60.0))
    driver = Driver(Idle, SHARDS, Limits(), weather, dict(POOLS), Ledger(), Timeline())
    with pytest.raises(RuleBroken, match=r"nothing will ever happen|nothing came forward"):
        driver.run()
