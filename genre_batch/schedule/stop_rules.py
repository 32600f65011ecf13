"""When a run is stopped early: too many rejects, or credentials that give access to nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from genre_batch.catalog.reject import NOT_TRIED, Reject, RejectReason
from genre_batch.catalog.track import Track


class Stop(StrEnum):
    """Which rule ended the run."""

    REJECTS = "rejects"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class StopRules:
    """max_reject_rate: the share of rejects that is allowed once `after_tracks` tracks have their outcome; 1 for any.
    Archived tracks do not count: they say nothing about the run, and the next one tries them again.

    max_denied_in_a_row: this many consecutive access-denied tracks stop the run; None for never.
    """

    max_reject_rate: float
    max_denied_in_a_row: int | None = 20
    after_tracks: int = 1_000


@dataclass(slots=True)
class OutcomeWatch:
    """Counts outcomes in the order in which they arrive, over all batches and actors.

    tracks: those that were tried. by_reason: rejects. examples: the first track of each reason. denied_in_a_row: the
    access-denied tracks since the last other one. stop: the first rule that was broken.
    """

    rules: StopRules
    tracks: int = 0
    by_reason: Counter[RejectReason] = field(default_factory=Counter)
    examples: dict[RejectReason, tuple[Track, Reject]] = field(default_factory=dict)
    denied_in_a_row: int = 0
    stop: Stop | None = None

    @property
    def rejected(self) -> int:
        """All rejects."""
        return self.by_reason.total()

    def note(self, outcomes: Iterable[tuple[Track, Reject | None]]) -> Stop | None:
        """Count the tracks of a call, None for one that has its answer; return the rule that is broken now, if any."""
        for track, reject in outcomes:
            if reject is not None and reject.reason in NOT_TRIED:
                continue
            self.tracks += 1
            denied = reject is not None and reject.reason is RejectReason.ACCESS_DENIED
            self.denied_in_a_row = self.denied_in_a_row + 1 if denied else 0
            if reject is not None:
                self.by_reason[reject.reason] += 1
                self.examples.setdefault(reject.reason, (track, reject))
            self.stop = self.stop or self._broken()
        return self.stop

    def note_answers(self, tracks: int) -> Stop | None:
        """The same for `tracks` tracks that all have their answer, without looking at each."""
        if tracks:
            self.denied_in_a_row = 0
            # each answer lowers the share of rejects, so only the first one that is measured by it can break the rule
            after = self.tracks + tracks
            self.tracks = min(after, max(self.tracks + 1, self.rules.after_tracks))
            self.stop = self.stop or self._broken()
            self.tracks = after
        return self.stop

    def _broken(self) -> Stop | None:
        rules = self.rules
        if rules.max_denied_in_a_row is not None and self.denied_in_a_row >= rules.max_denied_in_a_row:
            return Stop.DENIED
        counted = self.rejected - self.by_reason[RejectReason.ARCHIVED]
        if self.tracks >= rules.after_tracks and counted / self.tracks > rules.max_reject_rate:
            return Stop.REJECTS
        return None
