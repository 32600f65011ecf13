"""The outcomes of a part's tracks, gathered until every track has one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage, printable
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Batch, Part
from genre_batch.sink.schema import RejectedTrack

Row = TypeVar("Row")
Value = TypeVar("Value")


class PartOutcomes(Generic[Row]):
    """One slot a track, for what each stage found out about it. A batch that is done again overwrites its slots.

    settled: the places of tracks that need no work, with their rejects. order: the places in the order of work, which
    batches are ranges of; None: that of the listing.
    """

    def __init__(
        self,
        part: Part,
        tracks: list[Track],
        stages: int,
        settled: Mapping[int, Reject] | None = None,
        order: Sequence[int] | None = None,
    ) -> None:
        self.part = part
        self._first = part.start
        self._order = range(len(tracks)) if order is None else order
        self._tracks = tracks
        self._found: list[list[object]] = [[None] * len(tracks) for _ in range(stages)]
        self._settled = dict(settled or {})
        self._rejects: list[Reject | None] = [self._settled.get(slot) for slot in range(len(tracks))]
        self._attempts = [1] * len(tracks)

    def tracks(self, batch: Batch) -> list[Track]:
        """The tracks of a batch of this part, in the order of work."""
        return _at(self._tracks, self._slots(batch))

    def open(self, batch: Batch) -> list[Track]:
        """The tracks of a batch that have to be worked on, in the order of work."""
        return _at(self._tracks, self._open_slots(batch))

    def put_off(self, batch: Batch, reject: Reject) -> None:
        """Note that a batch is not worked on any more; `reject` says why. What an earlier stage rejected stays so."""
        for slot in self._open_slots(batch):
            self._settled[slot] = self._rejects[slot] = self._rejects[slot] or reject

    def rejects(self, batch: Batch) -> list[Reject | None]:
        """For each track of a batch its reject, None if it has none."""
        return _at(self._rejects, self._slots(batch))

    def returned(self, batch: Batch, stage: int, outcomes: Sequence[object]) -> None:
        """Note what a stage found out about each open track of a batch."""
        slots, found = self._open_slots(batch), self._found[stage]
        if isinstance(slots, range) and len(slots) == len(outcomes) and Reject not in set(map(type, outcomes)):
            found[slots.start : slots.stop] = outcomes
            if stage == 0:
                self._rejects[slots.start : slots.stop] = [None] * len(slots)
            return
        for slot, outcome in zip(slots, outcomes, strict=True):
            if stage == 0:
                self._rejects[slot] = None
            if isinstance(outcome, Reject):
                self._rejects[slot] = outcome
            else:
                found[slot] = outcome

    def given_up(self, batch: Batch, blamed: RejectStage, attempts: int, message: str) -> None:
        """Note that a track killed or broke every actor of a stage that worked on it."""
        for slot in self._open_slots(batch):
            self._rejects[slot] = Reject(RejectReason.INTERNAL, blamed, printable(message))
            self._attempts[slot] = attempts

    def rows(self, row: Callable[..., Row]) -> tuple[list[Row], list[RejectedTrack]]:
        """The rows of both tables, in listing order; `row` makes one of a track and what each stage found out.

        Raises ValueError if a track has no outcome.
        """
        for found in self._found:
            for track, value, reject in zip(self._tracks, found, self._rejects, strict=True):
                if value is None and reject is None:
                    raise ValueError(f"no outcome for {track.track_id!r}")
        answered: list[Row] = []
        rejected: list[RejectedTrack] = []
        for track, reject, attempts, *values in zip(
            self._tracks, self._rejects, self._attempts, *self._found, strict=True
        ):
            if reject is None:
                answered.append(row(track, *values))
            else:
                rejected.append(RejectedTrack(track, reject, attempts))
        return answered, rejected

    def _open_slots(self, batch: Batch) -> Sequence[int]:
        slots = self._slots(batch)
        return [slot for slot in slots if slot not in self._settled] if self._settled else slots

    def _slots(self, batch: Batch) -> Sequence[int]:
        return self._order[batch.start - self._first : batch.stop - self._first]


def _at(values: list[Value], slots: Sequence[int]) -> list[Value]:
    """The values in these slots. A run in the order of the listing has ranges, which are copied in one go."""
    return values[slots.start : slots.stop] if isinstance(slots, range) else [values[slot] for slot in slots]
