"""A whole run of a fleet, and its figures."""

import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from genre_batch.catalog.shards import Shard, plan_shards
from genre_batch.schedule.coordinator import Coordinator, Limits
from genre_batch.schedule.events import Command, Event, Role
from genre_batch.schedule.simulation.driver import Driver, Ledger
from genre_batch.schedule.simulation.fleet import Fleet, Workload
from genre_batch.schedule.simulation.timeline import Timeline

_TIME_EVERY = 16
_COUNT_EVERY = 1 << 10
_WEIGH_EVERY = 1 << 14
_TAIL = 0.99


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """What a run of a fleet comes to, in virtual time but for the last three.

    *_utilisation: work by the time that actors were ready. tail_s: from 99 % of the tracks to all of them. events:
    what the driver is told. most: of what the coordinator holds, the most at any of many looks.
    coordinator_cpu_s_per_million: CPU seconds that the coordinator takes for a million tracks, by every 16th event.
    state_peak_bytes: the coordinator with all it holds, at the largest of some looks.
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
    actors_replaced: int
    most: dict[str, int]
    coordinator_cpu_s_per_million: float
    state_peak_bytes: int
    simulation_cpu_s: float


def run_fleet(tracks: int, actors: int, predictors: int, seed: int, workload: Workload) -> FleetFigures:
    """Score `tracks` tracks on a simulated fleet. Raises RuleBroken where the coordinator breaks a rule."""
    start_s, timeline, tail = time.process_time(), Timeline(), _Tail(int(_TAIL * tracks))
    driver = Driver(
        _Watched,
        plan_shards(tracks, workload.shard_tracks),
        Limits(batch_tracks=workload.batch_tracks),
        Fleet(workload, actors + predictors, seed),
        {Role.EXTRACT: actors, Role.PREDICT: predictors},
        Ledger(),
        timeline,
        on_progress=tail.progress,
    )
    driver.run()
    machines, watched = driver.machines, driver.coordinator
    assert isinstance(watched, _Watched)
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
        events=driver.heard.total(),
        events_per_s=round(driver.heard.total() / timeline.now_s, 1),
        actors_replaced=machines.started - actors - predictors,
        most=dict(watched.most),
        coordinator_cpu_s_per_million=round(watched.cpu_s * _TIME_EVERY / tracks * 1e6, 3),
        state_peak_bytes=watched.peak_bytes,
        simulation_cpu_s=round(time.process_time() - start_s, 1),
    )


@dataclass(slots=True)
class _Tail:
    """When the tail began, and how long it has become."""

    begins_after_tracks: int
    began_s: float | None = None
    length_s: float = 0.0

    def progress(self, now_s: float, tracks: int) -> None:
        """Note that so many tracks have an outcome by now."""
        if tracks >= self.begins_after_tracks:
            self.began_s = now_s if self.began_s is None else self.began_s
            self.length_s = now_s - self.began_s


class _Watched(Coordinator):
    """The coordinator, which now and then is timed, counted and weighed."""

    def __init__(self, shards: Iterable[Shard], limits: Limits) -> None:
        super().__init__(shards, limits)
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self.most = Counter[str]()
        self._events = 0

    def handle(self, event: Event) -> list[Command]:
        """As Coordinator."""
        self._events += 1
        if self._events % _TIME_EVERY:
            return super().handle(event)
        start_s = time.thread_time()
        commands = super().handle(event)
        self.cpu_s += time.thread_time() - start_s
        if self._events % _COUNT_EVERY == 0:
            self.most |= Counter(self.under_way)
        if self._events % _WEIGH_EVERY == _COUNT_EVERY:
            self.peak_bytes = max(self.peak_bytes, _weight_bytes(vars(self)))
        return commands


def _weight_bytes(root: object) -> int:
    """The size of what hangs together below `root`: containers, slotted objects and what they hold."""
    seen: dict[int, object] = {}
    to_see = [root]
    while to_see:
        thing = to_see.pop()
        if id(thing) not in seen:
            seen[id(thing)] = thing
            to_see += _parts(thing)
    return sum(sys.getsizeof(thing) for thing in seen.values())


def _parts(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, Iterable) and hasattr(thing, "__len__") and not isinstance(thing, str):
        return list(thing)
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*vars(thing).values()] if hasattr(thing, "__dict__") else [getattr(thing, name) for name in slots]
