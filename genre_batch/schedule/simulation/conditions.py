"""What the simulated machines ask of chance: how long things take, and what goes wrong."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from genre_batch.catalog.shards import Batch
from genre_batch.schedule.events import Role


class End(Enum):
    """How a call ends."""

    ANSWERS = auto()
    RAISES = auto()
    KILLS = auto()
    TAKES_MACHINE = auto()
    HANGS = auto()


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a call: it ends after `work_s` in the actor's hand; its answer travels once for each delay.

    No delay means that the answer is lost, two that it comes twice.
    """

    work_s: float
    end: End = End.ANSWERS
    delays_s: tuple[float, ...] = (0.0,)


class Conditions(Protocol):
    """Everything that is not up to the coordinator."""

    @property
    def node_actors(self) -> int:
        """How many actors a machine has room for."""

    def deadline_s(self, role: Role) -> float:
        """How long the oldest call of an actor may take before its deadline passes."""

    def fate(self, role: Role, batch: Batch) -> Fate:
        """What becomes of a call."""

    def scorable(self, batch: Batch) -> int:
        """How many tracks of a batch have segments, always the same for the same batch."""

    def start_s(self) -> float:
        """How long a new actor takes until it is ready."""

    def again_s(self) -> float | None:
        """After how long news of an actor or a commit comes a second time; None if it does not."""

    def node_life_s(self) -> float:
        """How long a new machine lives; infinity if it is not taken away."""

    def node_pace(self) -> float:
        """By how much longer than others a new machine takes for its work."""

    def node_is_cut(self) -> bool:
        """Whether a machine that goes just falls silent, so that its loss is told late."""

    def notice_s(self, *, cut: bool) -> float:
        """How long it takes until a loss is told."""

    def commit_s(self) -> float:
        """How long a commit takes."""
