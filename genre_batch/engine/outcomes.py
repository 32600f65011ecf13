"""The outcomes of a part's tracks, gathered until every track has one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage, printable
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Batch, Part
from genre_batch.sink.schema import RejectedTrack

Row = TypeVar("Row")


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
        self._found: list[list[object]] = [[None] * stages for _ in tracks]
        self._settled = dict(settled or {})
        self._rejects: list[Reject | None] = [self._settled.get(slot) for slot in range(len(tracks))]
        self._attempts = [1] * len(tracks)

    def tracks(self, batch: Batch) -> list[Track]:
        """The tracks of a batch of this part, in the order of work."""
        return [self._tracks[slot] for slot in self._slots(batch)]

    def open(self, batch: Batch) -> list[Track]:
        """The tracks of a batch that have to be worked on, in the order of work."""
        return [self._tracks[slot] for slot in self._open_slots(batch)]

    def put_off(self, batch: Batch, reject: Reject) -> None:
        """Note that a batch is not worked on; `reject` says why."""
        for slot in self._open_slots(batch):
            self._settled[slot] = self._rejects[slot] = reject

    def rejects(self, batch: Batch) -> list[Reject | None]:
        """For each track of a batch its reject, None if it has none."""
        return [self._rejects[slot] for slot in self._slots(batch)]

    def returned(self, batch: Batch, stage: int, outcomes: Sequence[object]) -> None:
        """Note what a stage found out about each open track of a batch."""
        for slot, outcome in zip(self._open_slots(batch), outcomes, strict=True):
            if stage == 0:
                self._rejects[slot] = None
            if isinstance(outcome, Reject):
                self._rejects[slot] = outcome
            else:
                self._found[slot][stage] = outcome

    def given_up(self, batch: Batch, blamed: RejectStage, attempts: int, message: str) -> None:
        """Note that a track killed or broke every actor of a stage that worked on it."""
        for slot in self._open_slots(batch):
            self._rejects[slot] = Reject(RejectReason.INTERNAL, blamed, printable(message))
            self._attempts[slot] = attempts

    def rows(self, row: Callable[..., Row]) -> tuple[list[Row], list[RejectedTrack]]:
        """The rows of both tables, in listing order; `row` makes one of a track and what each stage found out.

        Raises ValueError if a track has no outcome.
        """
        answered: list[Row] = []
        rejected: list[RejectedTrack] = []
        for track, found, reject, attempts in zip(
            self._tracks, self._found, self._rejects, self._attempts, strict=True
        ):
            if reject is not None:
                rejected.append(RejectedTrack(track, reject, attempts))
            elif any(value is None for value in found):
                raise ValueError(f"no outcome for {track.track_id!r}")
            else:
                answered.append(row(track, *found))
        return answered, rejected

    def _open_slots(self, batch: Batch) -> list[int]:
        return [slot for slot in self._slots(batch) if slot not in self._settled]

    def _slots(self, batch: Batch) -> Sequence[int]:
        return self._order[batch.start - self._first : batch.stop - self._first]
