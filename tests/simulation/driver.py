"""A simulated `engine.run_loop`: the coordinator between the machines and the ledger."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from simulation.conditions import Conditions
from simulation.machines import Machines
from simulation.referee import Referee, RuleBroken
from simulation.timeline import Timeline
from two_stages import NAMES, Role

from genre_batch.catalog.work_units import Part
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import (
    BatchesOf,
    Command,
    CommitPart,
    Committed,
    Event,
    ForgetBlock,
    Send,
    StopActor,
)
from genre_batch.schedule.limits import Limits

Build = Callable[[Iterable[Part], Sequence[str], Limits], Coordinator]
Trace = Callable[[float, str], None]
_STUCK_AFTER_S = 6 * 3600.0
_COMMITS_AT_ONCE = 4


class DriverDied(Exception):
    """The driver's process was killed."""


@dataclass
class Ledger:
    """The committed parts, with their rejected rows. The first driver to write a part wins."""

    given_up: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def create(self, part: int, given_up: tuple[int, ...]) -> None:
        """Write a part's marker unless it exists."""
        self.given_up.setdefault(part, given_up)


class Driver:
    """One process that continues a run from the state of the ledger, until the run ends or the driver dies.

    dies_after: the number of steps after which it dies. Events and commands are steps, so it can die between any two.
    on_progress: called with the time and the number of tracks with an outcome, whenever the number grows. suitable:
    called with the number of tracks that are in no batch yet; the tracks that a batch is to have from then on. events:
    the number of events of each kind.
    """

    def __init__(
        self,
        build: Build,
        parts: Sequence[Part],
        limits: Limits,
        conditions: Conditions,
        pools: dict[Role, int],
        ledger: Ledger,
        timeline: Timeline,
        *,
        dies_after: int | None = None,
        trace: Trace | None = None,
        on_progress: Callable[[float, int], None] | None = None,
        suitable: Callable[[int], int] | None = None,
    ) -> None:
        committed = frozenset(ledger.given_up)
        self.coordinator = build((part for part in parts if part.index not in committed), NAMES, limits)
        self.referee = Referee(parts, committed, limits)
        self.machines = Machines(conditions, timeline, self.on_event, pools)
        self._conditions = conditions
        self._ledger = ledger
        self._timeline = timeline
        self._to_commit: deque[tuple[int, tuple[int, ...]]] = deque()
        self._writing: dict[int, tuple[int, ...]] = {}
        self._steps_left = dies_after
        self._trace = trace
        self._on_progress = on_progress
        self._suitable, self._batch_tracks = suitable, limits.batch_tracks
        self._tracks = sum(part.stop - part.start for part in parts)
        self._progress_at_s = timeline.now_s
        self._done_before = 0
        self.events = Counter[str]()

    @property
    def writing(self) -> list[tuple[int, tuple[int, ...]]]:
        """The commits in progress, which may still arrive after the driver's death."""
        return list(self._writing.items())

    def run(self) -> None:
        """Run until all parts are committed. Raises RuleBroken, or DriverDied if the driver is to die."""
        self.machines.fill()
        while not self.coordinator.finished:
            if not self._timeline.step():
                raise RuleBroken("the run is not finished, and nothing more will happen")
            if self._timeline.now_s - self._progress_at_s > _STUCK_AFTER_S:
                raise RuleBroken(f"no progress for {_STUCK_AFTER_S:.0f} s")
        self.referee.check_end()
        left = {name: count for name, count in self.coordinator.under_way.items() if count}
        if left or self.machines.blocks:
            raise RuleBroken(f"left at the end: {left} and {self.machines.blocks} blocks")

    def on_event(self, event: Event) -> None:
        """Pass an event to the coordinator, and carry out its commands."""
        self._step(event)
        self.events[type(event).__name__] += 1
        self.referee.note_event(event)
        for command in self.coordinator.handle(event):
            self._step(command)
            given_up = self.referee.note_command(command)
            self._carry_out(command, given_up)
        if self.referee.tracks_done > self._done_before:
            self._done_before, self._progress_at_s = self.referee.tracks_done, self._timeline.now_s
            if self._on_progress is not None:
                self._on_progress(self._progress_at_s, self._done_before)
        self._resize()

    def _resize(self) -> None:
        if self._suitable is None:
            return
        tracks = self._suitable(self._tracks - self.coordinator.cut_tracks)
        if tracks != self._batch_tracks:
            self._batch_tracks = tracks
            self.on_event(BatchesOf(tracks))

    def _step(self, what: Event | Command) -> None:
        if self._trace is not None:
            self._trace(self._timeline.now_s, str(what))
        if self._steps_left is not None:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise DriverDied

    def _carry_out(self, command: Command, given_up: tuple[int, ...]) -> None:
        match command:
            case Send():
                self.machines.send(command)
            case ForgetBlock(block):
                self.machines.forget(block)
            case StopActor(actor):
                self.machines.stop(actor)
            case CommitPart(part):
                self._to_commit.append((part, given_up))
                self._start_commits()
            case _:
                pass

    def _start_commits(self) -> None:
        while self._to_commit and len(self._writing) < _COMMITS_AT_ONCE:
            part, given_up = self._to_commit.popleft()
            self._writing[part] = given_up
            self._timeline.after(self._conditions.commit_s(), self._write, part)

    def _write(self, part: int) -> None:
        self._ledger.create(part, self._writing[part])
        self._timeline.after(self._conditions.notice_s(cut=False), self._committed, part)

    def _committed(self, part: int) -> None:
        del self._writing[part]
        self._progress_at_s = self._timeline.now_s
        self._start_commits()
        again_s = self._conditions.again_s()
        if again_s is not None:
            self._timeline.after(again_s, self.on_event, Committed(part))
        self.on_event(Committed(part))
