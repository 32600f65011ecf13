"""The events that the coordinator receives, and the commands that it issues.

Stages are counted from 0, in the order the data takes. A call is one request to one actor; its number is never used
again. A block is what a call returned for the next stage, and has the number of that call.
"""

from dataclasses import dataclass

from genre_batch.catalog.reject import RejectStage
from genre_batch.catalog.work_units import Batch


@dataclass(frozen=True, slots=True)
class ActorReady:
    """A new actor of a stage has loaded its model and waits for work."""

    actor: int
    stage: int


@dataclass(frozen=True, slots=True)
class Returned:
    """A call returned; `remaining` tracks of its batch go on to the next stage, the others have their outcome."""

    call: int
    remaining: int


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call raised inside its actor, which is still alive. blames: what is at fault, if the actor can tell."""

    call: int
    message: str
    blames: RejectStage | None = None


@dataclass(frozen=True, slots=True)
class BlockLost:
    """The block that a call was to work on is gone (its node died): the batch starts again at the first stage."""

    call: int


@dataclass(frozen=True, slots=True)
class ActorLost:
    """An actor died. `blameless` says that its machine was taken away, so that most likely no batch is at fault.

    machine: which one it was on, empty if that is not known.
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
    """The outcomes of a part are committed."""

    part: int


@dataclass(frozen=True, slots=True)
class NoMoreParts:
    """The parts that are not begun yet are left to another time; those that are begun are finished."""


@dataclass(frozen=True, slots=True)
class TimeIsUp:
    """No new work may start: all that is not in hand is left to another time."""


@dataclass(frozen=True, slots=True)
class BatchesOf:
    """Batches that are cut from now on have at most `tracks` tracks."""

    tracks: int


Event = (
    ActorReady
    | Returned
    | CallFailed
    | BlockLost
    | ActorLost
    | DeadlinePassed
    | Committed
    | NoMoreParts
    | TimeIsUp
    | BatchesOf
)


@dataclass(frozen=True, slots=True)
class Send:
    """Ask an actor to work on a batch: on its tracks if `block` is None, else on what call `block` returned."""

    call: int
    actor: int
    stage: int
    batch: Batch
    block: int | None


@dataclass(frozen=True, slots=True)
class ForgetBlock:
    """The block that call `block` returned is no longer needed."""

    block: int


@dataclass(frozen=True, slots=True)
class StopActor:
    """Kill an actor that does not answer."""

    actor: int


@dataclass(frozen=True, slots=True)
class RejectTrack:
    """Give up a batch of one track, after `attempts` attempts by actors of a stage. blames: see CallFailed."""

    batch: Batch
    stage: int
    attempts: int
    message: str
    blames: RejectStage | None = None


@dataclass(frozen=True, slots=True)
class PutOff:
    """Leave the tracks of a batch that have no outcome yet to another time."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class CommitPart:
    """Every track of the part has an outcome."""

    part: int


Command = Send | ForgetBlock | StopActor | RejectTrack | PutOff | CommitPart
