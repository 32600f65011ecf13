"""A step in the flow of a run: the class that works on its batches, and what its actors need. Knows no Ray."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, model_validator
from threadpoolctl import threadpool_limits

from genre_batch.catalog.reject import Reject, RejectStage
from genre_batch.stages.by_columns import ByColumns

_SLOW_TRACKS, _QUICK_TRACK_S = 32, 10.0


class PoolSize(BaseModel):
    """How many actors a stage has.

    min_size: at least this many. max_size: at most this many; null leaves that to the cluster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_size: PositiveInt = 1
    max_size: PositiveInt | None = None

    @model_validator(mode="after")
    def _min_is_not_above_max(self) -> Self:
        if self.max_size is not None and self.min_size > self.max_size:
            raise ValueError(f"min_size={self.min_size} is more than max_size={self.max_size}")
        return self


class ExtractPool(PoolSize):
    """How many extract actors a run has.

    max_size: at most this many; null means as many as the cluster's CPUs allow. num_cpus: CPUs that each one reserves.
    """

    num_cpus: PositiveFloat = 1.0


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a call to a stage reports to the driver.

    outcomes: one a track of the batch, in its order: what the stage found out, a Reject, or None for a track that an
    earlier stage rejected. cpu_s: CPU seconds, child processes included. spent_s: seconds in which the actor was busy
    with it, if it has measured them. bytes_read, reads: from storage, and in how
    many requests. requests: those sent to S3, each as its operation, its status and their number.
    """

    outcomes: tuple[object, ...]
    cpu_s: float
    bytes_read: int = 0
    reads: int = 0
    requests: tuple[tuple[str, str, int], ...] = ()
    spent_s: float = 0.0

    def __reduce__(self) -> tuple[Callable[..., "StageReport"], tuple[object, ...]]:
        rest = (getattr(self, field.name) for field in fields(self)[1:])
        return _arrived, (ByColumns(self.outcomes), *rest)


def _arrived(outcomes: list[object], *rest: Any) -> StageReport:  # the other fields
    return StageReport(tuple(outcomes), *rest)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run.

    worker: made with `arguments` in the actor's process. It has `ready()`, which returns once it can work, and
    `run(batch)`. The first stage is given the tracks of a batch, each later one the block of the stage before. `run`
    returns a block for the next stage and a StageReport; the last stage returns its report alone. A first stage may
    have `probe()`, which is `run` for a test batch of its own.
    blames: the stage to name in the row of a track that breaks every actor that works on it.
    num_cpus, num_gpus: reserved for each actor. follows: how many actors of the stage before one actor keeps up with,
    if it reserves nothing. call_s and track_s: a call may take `call_s` seconds, and `track_s` more for each track.
    fused: the stages whose work it does, if it was made of several.
    """

    name: str
    worker: type
    arguments: tuple[object, ...]
    size: PoolSize
    blames: RejectStage
    num_cpus: float = 0.0
    num_gpus: float = 0.0
    follows: int = 2
    call_s: float = 300.0
    track_s: float = 0.0
    fused: "tuple[Stage, ...]" = ()

    def deadline_s(self, tracks: int) -> float:
        """The deadline, in seconds, of a call with this many tracks.

        Beyond 32 tracks it grows by at most 10 s a track: batches adapt to be as large as that only where tracks are
        quick, and an actor that hangs would not be noticed for hours.
        """
        slow = min(tracks, _SLOW_TRACKS)
        return self.call_s + slow * self.track_s + (tracks - slow) * min(self.track_s, _QUICK_TRACK_S)


@dataclass(frozen=True, slots=True)
class Flow:
    """The stages of a run in the order the data takes, and the type of row they end in.

    row: called with the track and what each stage found out about it. placement: for people, where the stages run and
    why.
    """

    stages: Sequence[Stage]
    row: Callable[..., object]
    placement: str = ""


class StepFailed(Exception):
    """Raised by a fused stage whose step raised. blames: the stage to name in the row of the track at fault."""

    def __init__(self, message: str, blames: RejectStage) -> None:
        super().__init__(message, blames)
        self.blames = blames

    def __str__(self) -> str:
        return str(self.args[0])


def same_or_all(outcomes: tuple[object, ...]) -> object:
    """The outcome of a track for several models: the Reject itself if all of them have the same, else all outcomes."""
    first = outcomes[0]
    return first if isinstance(first, Reject) and all(each == first for each in outcomes) else outcomes


def limit_threads() -> None:
    """Limit the loaded numeric libraries to one thread each, since every core has an actor of its own."""
    threadpool_limits(1)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
