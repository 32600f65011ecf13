"""The outcomes of a shard's tracks, gathered until every track has one."""

from collections.abc import Sequence

from genre_batch.actors.blocks import Extraction, TrackFeatures
from genre_batch.catalog.reject import Reject, RejectReason, Stage, printable
from genre_batch.catalog.shards import Batch, Shard
from genre_batch.catalog.track import Track
from genre_batch.model.scores import Score
from genre_batch.schedule.events import Role
from genre_batch.sink.schema import AnsweredTrack, DescribedTrack, RejectedTrack, ScoredTrack


class ShardOutcomes:
    """One slot a track. A batch that is done again overwrites what an earlier attempt left."""

    def __init__(self, shard: Shard, tracks: list[Track]) -> None:
        self._first = shard.start
        self._tracks = tracks
        self._extractions: list[Extraction | None] = [None] * len(tracks)
        self._outcomes: list[Score | TrackFeatures | Reject | None] = [None] * len(tracks)
        self._attempts = [1] * len(tracks)

    def tracks(self, batch: Batch) -> list[Track]:
        """The tracks of a batch of this shard, in listing order."""
        return self._tracks[batch.start - self._first : batch.stop - self._first]

    def rejects(self, batch: Batch) -> list[Reject | None]:
        """For each track of a batch its reject, None where it has none."""
        outcomes = self._outcomes[batch.start - self._first : batch.stop - self._first]
        return [outcome if isinstance(outcome, Reject) else None for outcome in outcomes]

    def extracted(self, batch: Batch, outcomes: Sequence[Extraction | Reject]) -> None:
        """Note what became of each track in an extract actor."""
        for slot, outcome in enumerate(outcomes, batch.start - self._first):
            self._extractions[slot] = outcome if isinstance(outcome, Extraction) else None
            self._outcomes[slot] = outcome if isinstance(outcome, Reject) else None

    def predicted(self, batch: Batch, outcomes: Sequence[Score | TrackFeatures | Reject | None]) -> None:
        """Note the answer for each track that had segments."""
        for slot, outcome in enumerate(outcomes, batch.start - self._first):
            if outcome is not None:
                self._outcomes[slot] = outcome

    def given_up(self, batch: Batch, role: Role, attempts: int, message: str) -> None:
        """Note that a track killed or broke every actor of a role that had it in hand."""
        stage = Stage.DECODE if role is Role.EXTRACT else Stage.MODEL
        for slot in range(batch.start - self._first, batch.stop - self._first):
            self._outcomes[slot] = Reject(RejectReason.INTERNAL, stage, printable(message))
            self._attempts[slot] = attempts

    def rows(self) -> tuple[list[AnsweredTrack], list[RejectedTrack]]:
        """The rows of both tables, in listing order. Raises ValueError if a track has no outcome."""
        answered: list[AnsweredTrack] = []
        rejected: list[RejectedTrack] = []
        slots = zip(self._tracks, self._extractions, self._outcomes, self._attempts, strict=True)
        for track, extraction, outcome, attempts in slots:
            if isinstance(outcome, Reject):
                rejected.append(RejectedTrack(track, outcome, attempts))
            elif outcome is not None and extraction is not None:
                answered.append(_answered(track, extraction, outcome))
            else:
                raise ValueError(f"no outcome for {track.track_id!r}")
        return answered, rejected


def _answered(track: Track, extraction: Extraction, answer: Score | TrackFeatures) -> AnsweredTrack:
    heard = extraction.duration_s, extraction.window_start_s, extraction.decoder
    if isinstance(answer, TrackFeatures):
        return DescribedTrack(track, *heard, answer.segments)
    return ScoredTrack(track, *heard, answer)
