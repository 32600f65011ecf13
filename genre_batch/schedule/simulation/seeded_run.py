"""One seed: a small catalog, its faults, and as many drivers one after another as it takes."""

import math
import random
from collections import Counter
from dataclasses import dataclass

from genre_batch.catalog.shards import ShardPlan, plan_shards
from genre_batch.schedule.coordinator import Coordinator, Limits
from genre_batch.schedule.events import Role
from genre_batch.schedule.simulation.conditions import End
from genre_batch.schedule.simulation.driver import Build, Driver, DriverDied, Ledger, Tell
from genre_batch.schedule.simulation.machines import Machines
from genre_batch.schedule.simulation.referee import RuleBroken
from genre_batch.schedule.simulation.timeline import Timeline
from genre_batch.schedule.simulation.weather import Weather, draw_chances

_MOST_TRACKS = 200
_MOST_DEATHS = 4
_POISONS = (End.KILLS, End.HANGS, End.RAISES, End.TAKES_MACHINE)
_MOST_ACTORS = {Role.EXTRACT: 5, Role.PREDICT: 3}


class SeedFailed(Exception):
    """A seed found a fault. The message has the command that shows what happened."""

    def __init__(self, seed: int, what: str) -> None:
        super().__init__(f"seed {seed}: {what}\nreplay: python benchmarks/simulate.py --replay {seed} --trace")


@dataclass(frozen=True, slots=True)
class Passed:
    """What a seed went through: events of all drivers by kind, drivers that died, tracks given up, virtual seconds."""

    tracks: int
    heard: Counter[str]
    deaths: int
    given_up: int
    took_s: float


def run_seed(seed: int, *, build: Build = Coordinator, trace: Tell | None = None) -> Passed:
    """Run a seed to its end. Raises SeedFailed where a rule was broken or the coordinator raised."""
    rng = random.Random(seed)
    try:
        return _SeededRun(rng, build, trace).run()
    except Exception as error:
        raise SeedFailed(seed, f"{type(error).__name__}: {error}") from error


class _SeededRun:
    def __init__(self, rng: random.Random, build: Build, trace: Tell | None) -> None:
        self._rng, self._build, self._trace = rng, build, trace
        self._shards = plan_shards(rng.randint(1, _MOST_TRACKS), rng.randint(1, 40))
        self._limits = Limits(
            batch_tracks=rng.randint(1, 8),
            calls_per_actor=rng.randint(1, 3),
            blocks_per_predictor=rng.randint(1, 4),
            attempts=rng.randint(1, 3),
            # more than there ever are: a fleet that goes at once, and is noticed machine by machine, is no proof
            machines=rng.randint(12, 20),
            commits=rng.randint(1, 6),
        )
        self._weather = _weather(rng, self._shards)
        self._timeline = Timeline()
        self._ledger = Ledger()
        self._heard = Counter[str]()

    def run(self) -> Passed:
        deaths, deaths_to_come = 0, self._rng.choice((0, 0, self._rng.randint(1, _MOST_DEATHS)))
        while not self._one_driver(dies=deaths < deaths_to_come):
            deaths += 1
        given_up = self._check()
        return Passed(self._shards[-1].stop, self._heard, deaths, given_up, self._timeline.now_s)

    def _one_driver(self, *, dies: bool) -> bool:
        """Whether it came to the end."""
        driver = Driver(
            self._build,
            self._shards,
            self._limits,
            self._weather,
            {role: self._rng.randint(1, most) for role, most in _MOST_ACTORS.items()},
            self._ledger,
            self._timeline,
            dies_after=int(self._rng.expovariate(1 / 100)) if dies else None,
            trace=self._trace,
        )
        if self._weather.chances.resized_after_s < math.inf:
            self._timeline.after(self._weather.resized_after_s(), self._resize, driver.machines)
        try:
            driver.run()
        except DriverDied:
            self._bury(driver)
            return False
        finally:
            self._heard += driver.heard
        self._timeline.clear()
        return True

    def _resize(self, machines: Machines) -> None:
        """Let the cluster grow or shrink; a role may be without actors for a while."""
        again_s = self._weather.resized_after_s()
        for role, most in _MOST_ACTORS.items():
            machines.wanted[role] = self._rng.randint(0, most)
        if not all(machines.wanted.values()):
            again_s = min(again_s, 60.0)
        machines.shrink()
        machines.fill()
        self._timeline.after(again_s, self._resize, machines)

    def _bury(self, driver: Driver) -> None:
        """The actors of a dead driver end with it; what it was writing may still arrive, at any time."""
        if self._trace is not None:
            self._trace(self._timeline.now_s, "the driver dies")
        self._timeline.clear()
        for shard, given_up in driver.writing:
            if self._rng.random() < 0.5:
                self._timeline.after(self._rng.expovariate(1 / 60), self._ledger.create, shard, given_up)
        self._timeline.now_s += self._rng.choice((0.0, 30.0))

    def _check(self) -> int:
        """Each shard is in the ledger once, and the poison tracks are rejected; alone where nothing else is blamed."""
        given_up = {row for rows in self._ledger.given_up.values() for row in rows}
        poison = set(self._weather.poison)
        if set(self._ledger.given_up) != {shard.index for shard in self._shards}:
            raise RuleBroken("the ledger does not have all shards")
        if not poison <= given_up:
            raise RuleBroken(f"poison was scored: rows {sorted(poison - given_up)}")
        if not self._weather.chances.blame and given_up != poison:
            raise RuleBroken(f"rows {sorted(given_up - poison)} were given up with the poison {sorted(poison)}")
        return len(given_up)


def _weather(rng: random.Random, shards: ShardPlan) -> Weather:
    chances, tracks = draw_chances(rng), shards[-1].stop
    poisoned = rng.sample(range(tracks), min(tracks, rng.choice((0, 0, 1, 2, 5))))
    poison = {row: (rng.choice(list(Role)), rng.choice(_POISONS)) for row in poisoned}
    deaf = frozenset(row for row in range(tracks) if rng.random() < chances.without_segments and row not in poison)
    return Weather(rng, chances, poison, deaf, node_actors=rng.randint(1, 4))
