"""Random events in random order, including ones that make no sense to a coordinator."""

from simulation.referee import Referee

from genre_batch.catalog.work_units import plan_parts
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
    BatchesOf,
    BlockLost,
    CallFailed,
    CommitPart,
    Committed,
    DeadlinePassed,
    Event,
    Returned,
    Send,
    TimeIsUp,
)
from genre_batch.schedule.limits import Limits

KINDS = (
    *("ready", "answered", "answered twice", "raised", "block lost", "preempted", "crashed", "silent", "committed"),
    *("resized", "time is up"),
)


class Whims:
    """Tells a coordinator whatever it is asked to, with a referee beside it; numbers are those of calls and actors."""

    def __init__(self, tracks: int, stages: int = 2) -> None:
        parts = plan_parts(tracks, 5)
        limits = Limits(batch_tracks=3, blocks_per_actor=1, machines=2, commits=2)
        self.coordinator = Coordinator(parts, [f"stage {number}" for number in range(stages)], limits)
        self.referee = Referee(parts, frozenset(), limits, stages)
        self.calls: dict[int, Send] = {}
        self.writing: list[int] = []
        self.actors = 0
        self.stages = stages

    def tell(self, event: Event) -> None:
        self.referee.note_event(event)
        for command in self.coordinator.handle(event):
            self.referee.note_command(command)
            if isinstance(command, Send):
                self.calls[command.call] = command
            elif isinstance(command, CommitPart):
                self.writing.append(command.part)

    def ready(self, stage: int) -> None:
        self.actors += 1
        self.tell(ActorReady(self.actors - 1, stage))

    def answer(self, call: int) -> None:
        """The answer to a call, be it awaited, given up or long done."""
        self.tell(Returned(call, call % 3))

    def follow(self, kind: str, number: int) -> None:
        match kind:
            case "ready":
                self.ready(number % self.stages)
            case "answered":
                self.answer(number)
            case "answered twice":
                self.answer(number)
                self.answer(number)
            case "raised":
                self.tell(CallFailed(number, "raised"))
            case "block lost":
                self.tell(BlockLost(number))
            case "preempted" | "crashed":
                self.tell(ActorLost(number, kind == "preempted", kind, f"machine {number}"))
            case "silent":
                self.tell(DeadlinePassed(number))
            case "resized" | "time is up":
                self.tell(BatchesOf(1 + number % 5) if kind == "resized" else TimeIsUp())
            case "committed" if self.writing:
                self.tell(Committed(self.writing.pop()))

    def bring_to_an_end(self) -> None:
        """From now on all goes well."""
        for stage in range(self.stages):
            self.ready(stage)
        answered: set[int] = set()
        while not self.coordinator.finished:
            for call in sorted(self.calls.keys() - answered):
                answered.add(call)
                self.answer(call)
            while self.writing:
                self.tell(Committed(self.writing.pop()))
