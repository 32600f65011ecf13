"""A complete run of a fleet, and its figures."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulation.driver import Driver, Ledger
from simulation.fleet import Fleet, Workload, driver_cpu_s
from simulation.timeline import Timeline
from two_stages import Role

from genre_batch.catalog.work_units import Part, plan_parts
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import Command, Event
from genre_batch.schedule.limits import Limits

_TIME_EVERY = 16
_COUNT_EVERY = 1 << 10
_SIZE_EVERY = 1 << 14
_TAIL = 0.99


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """The figures of a fleet's run, in virtual time except for the last three.

    *_utilisation: working time over the time that actors were ready. tail_s: from 99 % of the tracks to all of them.
    events: events that the driver received. driver_cores: the cores that the driver's process keeps busy at this
    rate. most: the largest sampled numbers of what the coordinator holds.
    coordinator_cpu_s_per_million: the coordinator's CPU seconds per million tracks, measured on every 16th event.
    state_peak_bytes: the largest sampled size of the coordinator's state.
    """

    tracks: int
    extract_actors: int
    predict_actors: int
    took_s: float
    tracks_per_s: float
    extract_utilisation: float
    predict_utilisation: float
    tail_s: float
    events: int
    events_per_s: float
    driver_cores: float
    actors_replaced: int
    most: dict[str, int]
    coordinator_cpu_s_per_million: float
    state_peak_bytes: int
    simulation_cpu_s: float


def run_fleet(tracks: int, actors: int, predictors: int, seed: int, workload: Workload) -> FleetFigures:
    """Score `tracks` tracks on a simulated fleet. Raises RuleBroken if the coordinator breaks a rule."""
    start_s, timeline, tail = time.process_time(), Timeline(), _Tail(int(_TAIL * tracks))
    conditions = Fleet(workload, actors + predictors, seed)
    driver = Driver(
        _Sampled,
        plan_parts(tracks, workload.part_tracks),
        Limits(batch_tracks=workload.batch_tracks),
        conditions,
        {Role.EXTRACT: actors, Role.PREDICT: predictors},
        Ledger(),
        timeline,
        on_progress=tail.progress,
        suitable=conditions.suitable(actors),
    )
    driver.run()
    machines, sampled = driver.machines, driver.coordinator
    assert isinstance(sampled, _Sampled)
    utilisation = {role: machines.busy_s[role] / machines.alive_s(role) for role in Role}
    return FleetFigures(
        tracks=tracks,
        extract_actors=actors,
        predict_actors=predictors,
        took_s=round(timeline.now_s, 1),
        tracks_per_s=round(tracks / timeline.now_s, 1),
        extract_utilisation=round(utilisation[Role.EXTRACT], 4),
        predict_utilisation=round(utilisation[Role.PREDICT], 4),
        tail_s=round(tail.length_s, 1),
        events=driver.events.total(),
        events_per_s=round(driver.events.total() / timeline.now_s, 1),
        driver_cores=round(driver_cpu_s(driver.events["Returned"], tracks) / timeline.now_s, 3),
        actors_replaced=machines.started - actors - predictors,
        most=dict(sampled.most),
        coordinator_cpu_s_per_million=round(sampled.cpu_s * _TIME_EVERY / tracks * 1e6, 3),
        state_peak_bytes=sampled.peak_bytes,
        simulation_cpu_s=round(time.process_time() - start_s, 1),
    )


@dataclass(slots=True)
class _Tail:
    """When the tail began, and how long it has lasted."""

    begins_after_tracks: int
    began_s: float | None = None
    length_s: float = 0.0

    def progress(self, now_s: float, tracks: int) -> None:
        """Note the number of tracks with an outcome."""
        if tracks >= self.begins_after_tracks:
            self.began_s = now_s if self.began_s is None else self.began_s
            self.length_s = now_s - self.began_s


class _Sampled(Coordinator):
    """A coordinator whose time, counts and size are sampled."""

    def __init__(self, parts: Iterable[Part], stages: Sequence[str], limits: Limits) -> None:
        super().__init__(parts, stages, limits)
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self.most = Counter[str]()
        self._events = 0

    def handle(self, event: Event) -> list[Command]:
        """Handle an event like Coordinator, and measure it at times."""
        self._events += 1
        if self._events % _TIME_EVERY:
            return super().handle(event)
        start_s = time.thread_time()
        commands = super().handle(event)
        self.cpu_s += time.thread_time() - start_s
        if self._events % _COUNT_EVERY == 0:
            self.most |= Counter(self.under_way)
        if self._events % _SIZE_EVERY == _COUNT_EVERY:
            self.peak_bytes = max(self.peak_bytes, _size_bytes(vars(self)))
        return commands


def _size_bytes(root: object) -> int:
    """The total size of everything reachable from `root`: containers, objects and their contents."""
    seen: dict[int, object] = {}
    unseen = [root]
    while unseen:
        value = unseen.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            unseen += _contents(value)
    return sum(sys.getsizeof(value) for value in seen.values())


def _contents(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, Iterable) and hasattr(value, "__len__") and not isinstance(value, str):
        return list(value)
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*vars(value).values()] if hasattr(value, "__dict__") else [getattr(value, name) for name in slots]
