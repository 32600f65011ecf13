"""What the coordinator is told and what it asks for.

A call is one request to one actor; its number is never used again.
"""

from dataclasses import dataclass
from enum import StrEnum

from genre_batch.catalog.shards import Batch


class Role(StrEnum):
    """The two kinds of actor."""

    EXTRACT = "extract"
    PREDICT = "predict"


@dataclass(frozen=True, slots=True)
class ActorReady:
    """A new actor has loaded its model and waits for work."""

    actor: int
    role: Role


@dataclass(frozen=True, slots=True)
class Extracted:
    """An extract call came back; `scorable` tracks of the batch have segments, the others are rejects."""

    call: int
    scorable: int


@dataclass(frozen=True, slots=True)
class Predicted:
    """A predict call came back."""

    call: int


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call raised inside its actor, which lives on."""

    call: int
    message: str


@dataclass(frozen=True, slots=True)
class BlockLost:
    """The feature block of a predict call is gone (its node died): the batch has to be extracted again."""

    call: int


@dataclass(frozen=True, slots=True)
class ActorLost:
    """An actor died. `blameless` says that its machine was taken away, so that most likely no batch is at fault.

    machine: which one it was on, empty where that is not known.
    """

    actor: int
    blameless: bool
    message: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The oldest call of an actor has taken too long."""

    actor: int


@dataclass(frozen=True, slots=True)
class Committed:
    """A shard's marker is written."""

    shard: int


Event = ActorReady | Extracted | Predicted | CallFailed | BlockLost | ActorLost | DeadlinePassed | Committed


@dataclass(frozen=True, slots=True)
class SendExtract:
    """Ask an actor for the feature block of a batch."""

    call: int
    actor: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class SendPredict:
    """Ask an actor for the scores of the block that call `block` returned."""

    call: int
    actor: int
    batch: Batch
    block: int


@dataclass(frozen=True, slots=True)
class ForgetBlock:
    """The block that call `block` returned is needed no more."""

    block: int


@dataclass(frozen=True, slots=True)
class StopActor:
    """Kill an actor that does not answer."""

    actor: int
    role: Role


@dataclass(frozen=True, slots=True)
class RejectTrack:
    """Give up a batch of one track, after `attempts` attempts by actors of a role."""

    batch: Batch
    role: Role
    attempts: int
    message: str


@dataclass(frozen=True, slots=True)
class CommitShard:
    """Every track of the shard has an outcome."""

    shard: int


Command = SendExtract | SendPredict | ForgetBlock | StopActor | RejectTrack | CommitShard
