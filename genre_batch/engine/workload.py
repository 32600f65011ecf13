"""The work of the engine, and the callbacks that it reports to and asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Part
from genre_batch.engine.telemetry import NO_LABELS, Held, RunLabels
from genre_batch.sink.schema import RejectedTrack


def say_nothing(what: str) -> None:
    """The default `on_wait`: waits are not reported."""


def settle_nothing(tracks: Sequence[Track]) -> Mapping[int, Reject]:  # noqa: ARG001
    """The default `settled`: every track has to be worked on."""
    return {}


def put_nothing_off() -> Reject | None:
    """The default `put_off`: every batch is worked on."""
    return None


def go_on() -> None:
    """The default `on_turn`: nothing ends the run early."""


ProbeMoment: TypeAlias = Literal["start", "end"]
"""When the workers' own test batch is worked on."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What became of the workers' own test batch. outcomes: one for each of its tracks, a Reject if it was rejected.

    error: why there are no outcomes; "" if there are.
    """

    moment: ProbeMoment
    outcomes: tuple[object, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of a run, and where its outcomes go.

    parts: those without outcomes yet, `tracks` tracks in all. batch_tracks: at most this many are sent to an actor at
    once; None: as many as suit the work. read: rows [start, stop) of the listing. commit: stores the outcomes of a part
    permanently, the answers as rows that the flow makes; called from several threads. on_done: called with the tracks
    of each finished call and their rejects, None for a track that has its answer; what it raises ends the run. on_wait:
    called with what the run waits for before the first call, and with nothing when it has come. on_turn: called in each
    turn of the loop; what it raises ends the run. settled: which tracks of a part that is about to begin need no work,
    by their place, and the reject for each. labels: what to say about the run in its metrics. order: the places of the
    tracks of a part in the order in which they are worked on, with the parts in the order given; None: that of the
    listing, with parts from different places of it in turn. put_off: called before each batch starts; the reject for
    its tracks if no new work may start. is_used: asked in each turn with what the run has held so far; once it returns
    true, no new part starts. on_probe: called with the outcomes of the test batch that the workers of the first stage
    have; None if they have none.
    """

    parts: Sequence[Part]
    tracks: int
    batch_tracks: int | None
    read: Callable[[int, int], list[Track]]
    commit: Callable[[Part, list[Any], list[RejectedTrack]], object]
    on_done: Callable[[list[Track], list[Reject | None]], None]
    on_wait: Callable[[str], None] = say_nothing
    on_turn: Callable[[], None] = go_on
    settled: Callable[[Sequence[Track]], Mapping[int, Reject]] = settle_nothing
    labels: RunLabels = NO_LABELS
    put_off: Callable[[], Reject | None] = put_nothing_off
    is_used: Callable[[Held], bool] | None = None
    order: Callable[[Part], Sequence[int]] | None = None
    on_probe: Callable[[ProbeAnswer], None] | None = None
