"""As `engine.drive`, but simulated: the coordinator between the machines and the ledger."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from genre_batch.catalog.shards import Shard
from genre_batch.schedule.coordinator import Coordinator, Limits
from genre_batch.schedule.events import (
    Command,
    CommitShard,
    Committed,
    Event,
    ForgetBlock,
    Role,
    SendExtract,
    SendPredict,
    StopActor,
)
from genre_batch.schedule.simulation.conditions import Conditions
from genre_batch.schedule.simulation.machines import Machines
from genre_batch.schedule.simulation.referee import Referee, RuleBroken
from genre_batch.schedule.simulation.timeline import Timeline

Build = Callable[[Iterable[Shard], Limits], Coordinator]
Tell = Callable[[float, str], None]
_STUCK_AFTER_S = 6 * 3600.0
_COMMITS_AT_ONCE = 4


class DriverDied(Exception):
    """The driver's process was killed."""


@dataclass
class Ledger:
    """The shards that are committed, with the rows that were given up. The first to write one wins."""

    given_up: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def create(self, shard: int, given_up: tuple[int, ...]) -> None:
        """Write a shard's marker, unless there is one."""
        self.given_up.setdefault(shard, given_up)


class Driver:
    """One process that carries a run on from what the ledger has, until it ends or dies.

    dies_after: dies after so many steps; a step is an event or a command, so that it may die between any two.
    on_progress: told of the time and of how many tracks have an outcome, whenever there are more. heard: how many
    events there were of each kind.
    """

    def __init__(
        self,
        build: Build,
        shards: Sequence[Shard],
        limits: Limits,
        conditions: Conditions,
        pools: dict[Role, int],
        ledger: Ledger,
        timeline: Timeline,
        *,
        dies_after: int | None = None,
        trace: Tell | None = None,
        on_progress: Callable[[float, int], None] | None = None,
    ) -> None:
        committed = frozenset(ledger.given_up)
        self.coordinator = build((shard for shard in shards if shard.index not in committed), limits)
        self.referee = Referee(shards, committed, limits)
        self.machines = Machines(conditions, timeline, self.tell, pools)
        self._conditions = conditions
        self._ledger = ledger
        self._timeline = timeline
        self._to_commit: deque[tuple[int, tuple[int, ...]]] = deque()
        self._writing: dict[int, tuple[int, ...]] = {}
        self._steps_left = dies_after
        self._trace = trace
        self._on_progress = on_progress
        self._progress_at_s = timeline.now_s
        self._done_before = 0
        self.heard = Counter[str]()

    @property
    def writing(self) -> list[tuple[int, tuple[int, ...]]]:
        """The commits under way, which may still arrive after the driver's death."""
        return list(self._writing.items())

    def run(self) -> None:
        """Until all is committed. Raises RuleBroken, and DriverDied when it is time."""
        self.machines.fill()
        while not self.coordinator.finished:
            if not self._timeline.step():
                raise RuleBroken("the run is not finished, and nothing will ever happen")
            if self._timeline.now_s - self._progress_at_s > _STUCK_AFTER_S:
                raise RuleBroken(f"nothing came forward for {_STUCK_AFTER_S:.0f} s")
        self.referee.ended()
        left = {name: count for name, count in self.coordinator.under_way.items() if count}
        if left or self.machines.blocks:
            raise RuleBroken(f"left at the end: {left} and {self.machines.blocks} blocks")

    def tell(self, event: Event) -> None:
        """Have the coordinator handle an event, and carry out what it asks for."""
        self._step(event)
        self.heard[type(event).__name__] += 1
        self.referee.told(event)
        for command in self.coordinator.handle(event):
            self._step(command)
            given_up = self.referee.asked(command)
            self._carry_out(command, given_up)
        if self.referee.tracks_done > self._done_before:
            self._done_before, self._progress_at_s = self.referee.tracks_done, self._timeline.now_s
            if self._on_progress is not None:
                self._on_progress(self._progress_at_s, self._done_before)

    def _step(self, what: Event | Command) -> None:
        if self._trace is not None:
            self._trace(self._timeline.now_s, str(what))
        if self._steps_left is not None:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise DriverDied

    def _carry_out(self, command: Command, given_up: tuple[int, ...]) -> None:
        match command:
            case SendExtract() | SendPredict():
                self.machines.send(command)
            case ForgetBlock(block):
                self.machines.forget(block)
            case StopActor(actor):
                self.machines.stop(actor)
            case CommitShard(shard):
                self._to_commit.append((shard, given_up))
                self._start_commits()
            case _:
                pass

    def _start_commits(self) -> None:
        while self._to_commit and len(self._writing) < _COMMITS_AT_ONCE:
            shard, given_up = self._to_commit.popleft()
            self._writing[shard] = given_up
            self._timeline.after(self._conditions.commit_s(), self._write, shard)

    def _write(self, shard: int) -> None:
        self._ledger.create(shard, self._writing[shard])
        self._timeline.after(self._conditions.notice_s(cut=False), self._committed, shard)

    def _committed(self, shard: int) -> None:
        del self._writing[shard]
        self._progress_at_s = self._timeline.now_s
        self._start_commits()
        again_s = self._conditions.again_s()
        if again_s is not None:
            self._timeline.after(again_s, self.tell, Committed(shard))
        self.tell(Committed(shard))
