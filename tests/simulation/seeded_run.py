"""The run of one seed: a small catalog, its faults, and as many consecutive drivers as needed."""

import math
import random
from collections import Counter
from dataclasses import dataclass

from simulation.conditions import End
from simulation.driver import Build, Driver, DriverDied, Ledger, Trace
from simulation.machines import Machines
from simulation.referee import RuleBroken
from simulation.timeline import Timeline
from simulation.weather import Weather, draw_chances
from two_stages import Role

from genre_batch.catalog.work_units import PartPlan, plan_parts
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import TimeIsUp
from genre_batch.schedule.limits import Limits

_MOST_TRACKS = 200
_MOST_DEATHS = 4
_WITH_AN_END = 0.2
_POISONS = (End.KILLS, End.HANGS, End.RAISES, End.TAKES_MACHINE)
_MOST_ACTORS = {Role.EXTRACT: 5, Role.PREDICT: 3}


class SeedFailed(Exception):
    """A seed found a fault. The message contains the command that replays it."""

    def __init__(self, seed: int, what: str) -> None:
        super().__init__(f"seed {seed}: {what}\nreplay: python benchmarks/simulate.py --replay {seed} --trace")


@dataclass(frozen=True, slots=True)
class Passed:
    """The totals of a seed over all its drivers. events: by kind. deaths: of drivers. given_up: rejected tracks.

    put_off: tracks that were left to another time.
    """

    tracks: int
    events: Counter[str]
    deaths: int
    given_up: int
    took_s: float
    put_off: int = 0


def run_seed(seed: int, *, build: Build = Coordinator, trace: Trace | None = None) -> Passed:
    """Run a seed to its end. Raises SeedFailed if a rule is broken or the coordinator raises."""
    rng = random.Random(seed)
    try:
        return _SeededRun(rng, build, trace).run()
    except Exception as error:
        raise SeedFailed(seed, f"{type(error).__name__}: {error}") from error


class _SeededRun:
    def __init__(self, rng: random.Random, build: Build, trace: Trace | None) -> None:
        self._rng, self._build, self._trace = rng, build, trace
        self._parts = plan_parts(rng.randint(1, _MOST_TRACKS), rng.randint(1, 40))
        self._limits = Limits(
            batch_tracks=rng.randint(1, 8),
            calls_per_actor=rng.randint(1, 3),
            blocks_per_actor=rng.randint(1, 4),
            attempts=rng.randint(1, 3),
            # more than there are machines: the loss of the whole fleet at once proves nothing about a track
            machines=rng.randint(12, 20),
            commits=rng.randint(1, 6),
            parts_at_once=rng.randint(1, 4),
        )
        self._weather = _weather(rng, self._parts)
        self._timeline = Timeline()
        self._ledger = Ledger()
        self._events = Counter[str]()
        hours = random.Random(rng.random())
        self._end_s = hours.expovariate(1 / 60) if hours.random() < _WITH_AN_END else math.inf
        self._put_off: set[int] = set()

    def run(self) -> Passed:
        deaths, deaths_to_come = 0, self._rng.choice((0, 0, self._rng.randint(1, _MOST_DEATHS)))
        while not self._one_driver(dies=deaths < deaths_to_come):
            deaths += 1
        given_up = self._check()
        return Passed(
            self._parts[-1].stop, self._events, deaths, given_up, self._timeline.now_s, put_off=len(self._put_off)
        )

    def _one_driver(self, *, dies: bool) -> bool:
        """Run one driver. Returns whether it finished the run."""
        driver = Driver(
            self._build,
            self._parts,
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
        if self._end_s < math.inf:
            self._timeline.after(max(0.0, self._end_s - self._timeline.now_s), self._end, driver)
        try:
            driver.run()
        except DriverDied:
            self._after_death(driver)
            return False
        finally:
            self._events += driver.events
            self._put_off |= driver.referee.put_off
        self._timeline.clear()
        return True

    def _end(self, driver: Driver) -> None:
        """The time is up: from now on, no actor is started."""
        driver.machines.wanted.update(dict.fromkeys(Role, 0))
        driver.on_event(TimeIsUp())

    def _resize(self, machines: Machines) -> None:
        """Grow or shrink the cluster; a role may have no actors for a while."""
        if self._timeline.now_s >= self._end_s:
            return
        again_s = self._weather.resized_after_s()
        for role, most in _MOST_ACTORS.items():
            machines.wanted[role] = self._rng.randint(0, most)
        if not all(machines.wanted.values()):
            again_s = min(again_s, 60.0)
        machines.shrink()
        machines.fill()
        self._timeline.after(again_s, self._resize, machines)

    def _after_death(self, driver: Driver) -> None:
        """A driver's actors die with it. Its writes in progress may still arrive at any time."""
        if self._trace is not None:
            self._trace(self._timeline.now_s, "the driver dies")
        self._timeline.clear()
        for part, given_up in driver.writing:
            if self._rng.random() < 0.5:
                self._timeline.after(self._rng.expovariate(1 / 60), self._ledger.create, part, given_up)
        self._timeline.now_s += self._rng.choice((0.0, 30.0))

    def _check(self) -> int:
        """Check that the ledger has each part, and that the poison tracks are rejected.

        No other track is rejected, unless faults may be blamed on innocent ones. Returns the number of rejected tracks.
        """
        given_up = {row for rows in self._ledger.given_up.values() for row in rows}
        poison = set(self._weather.poison)
        if set(self._ledger.given_up) != {part.index for part in self._parts}:
            raise RuleBroken("a part is missing from the ledger")
        if not poison <= given_up | self._put_off:
            raise RuleBroken(f"poison was scored: rows {sorted(poison - given_up - self._put_off)}")
        if not self._weather.chances.blame and not given_up <= poison:
            raise RuleBroken(f"rows {sorted(given_up - poison)} were rejected besides the poison {sorted(poison)}")
        return len(given_up)


def _weather(rng: random.Random, parts: PartPlan) -> Weather:
    chances, tracks = draw_chances(rng), parts[-1].stop
    poisoned = rng.sample(range(tracks), min(tracks, rng.choice((0, 0, 1, 2, 5))))
    poison = {row: (rng.choice(list(Role)), rng.choice(_POISONS)) for row in poisoned}
    empty = frozenset(row for row in range(tracks) if rng.random() < chances.without_segments and row not in poison)
    return Weather(rng, chances, poison, empty, node_actors=rng.randint(1, 4))
