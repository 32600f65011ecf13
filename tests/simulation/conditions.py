"""The random conditions of the simulated machines: how long things take, and what goes wrong."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from two_stages import Role

from genre_batch.catalog.work_units import Batch


class End(Enum):
    """How a call ends."""

    ANSWERS = auto()
    RAISES = auto()
    KILLS = auto()
    TAKES_MACHINE = auto()
    HANGS = auto()


@dataclass(frozen=True, slots=True)
class Fate:
    """The outcome of a call. It ends after `work_s` seconds of work; its answer arrives after each of the delays.

    Without delays the answer is lost; with two it arrives twice.
    """

    work_s: float
    end: End = End.ANSWERS
    delays_s: tuple[float, ...] = (0.0,)


class Conditions(Protocol):
    """Everything outside the coordinator's control."""

    @property
    def node_actors(self) -> int:
        """How many actors a machine has room for."""

    def deadline_s(self, role: Role) -> float:
        """The deadline for the oldest call of an actor."""

    def fate(self, role: Role, batch: Batch) -> Fate:
        """The outcome of a call."""

    def scorable(self, batch: Batch) -> int:
        """How many tracks of a batch have segments; always the same for the same batch."""

    def start_s(self) -> float:
        """How long a new actor takes to become ready."""

    def again_s(self) -> float | None:
        """The delay after which an event of an actor or a commit arrives a second time; None if it does not."""

    def node_life_s(self) -> float:
        """How long a new machine lives; infinity if it is never preempted."""

    def node_pace(self) -> float:
        """The factor by which a new machine is slower than the others."""

    def node_is_cut(self) -> bool:
        """Whether a lost machine just falls silent, so that its loss is noticed late."""

    def notice_s(self, *, cut: bool) -> float:
        """How long it takes until a loss is noticed."""

    def commit_s(self) -> float:
        """How long a commit takes."""
