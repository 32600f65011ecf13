"""One run of a pass: what it has to do, its outcomes on the way to its tables, and its records."""

from collections.abc import Mapping, Sequence
from threading import Lock

import pyarrow as pa

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import NOT_TRIED, Reject
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_units import Part, tracks_of_parts
from genre_batch.config import TableConfig
from genre_batch.history.elsewhere import DoneElsewhere
from genre_batch.history.past_outcomes import retryable_reasons
from genre_batch.notices import say
from genre_batch.run.canary_watch import CanaryWatch
from genre_batch.run.jobs import Job
from genre_batch.run.resume import resume_notice
from genre_batch.sink.layout import listing_folder
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.sink import open_sink
from genre_batch.storage.store import Store
from genre_batch.wording import plural

_MOST_IDS = 1_000_000
"""The ids of so many tracks take some 100 MB."""


class OwnRun:
    """One run of a pass.

    kept: how many of its tracks had their outcome before the pass. done: how many outcomes it has got in it, without
    those of tracks that were not tried.
    """

    def __init__(self, job: Job[TableConfig], plan: RunPlan, store: Store, *, resumed: bool) -> None:
        self.job, self.plan, self.resumed = job, plan, resumed
        self.kept = self.done = 0
        self._store, self._output = store, job.config.output
        self._sink = open_sink(store, self._output, plan, job.make_table)
        self._ledger = PartLedger(store, self._output, plan, self._sink)
        self._left: frozenset[int] = frozenset()
        self._elsewhere: DoneElsewhere | None = None
        self._settled: dict[str, Reject] = {}
        self._counting = Lock()
        self.canaries = CanaryWatch(store, self._output, plan.run_id, job.canaries, job.canary_tolerance)

    def take_up(self) -> list[Part]:
        """The parts that the run has to do, said on stderr. Commits what a crashed driver left behind."""
        left = self._ledger.take_up()
        self._left = frozenset(part.index for part in left)
        self.kept = self.plan.tracks - tracks_of_parts(left)
        if self.resumed:
            say(resume_notice(self._store, self.job.config, self.plan, self.kept).rstrip("\n"))
        else:
            tracks, shards = plural(self.plan.tracks, "track"), plural(self.plan.shards, "shard")
            say(f"run {self.plan.run_id}: {tracks} in {shards}")
        if left:
            again = retryable_reasons(self.job.config.retry)
            own_ids = self._ids if self.plan.tracks <= _MOST_IDS else None
            self._elsewhere = DoneElsewhere(self._store, self._output, self.plan, again, own_ids)
        return left

    def _ids(self) -> pa.ChunkedArray:
        listing = Listing(self._store, listing_folder(self._output, self.plan.run_id))
        return listing.table(0, len(listing))["track_id"]

    def settled(self, tracks: Sequence[Track]) -> Mapping[int, Reject]:
        """The places of `tracks` that need no work for this run, and the reject for each; kept until their commit."""
        found = self._elsewhere.settled(tracks) if self._elsewhere else {}
        self._settled |= {tracks[place].track_id: reject for place, reject in found.items()}
        return found

    def commit(
        self, part: Part, answered: Sequence[AnsweredTrack | RejectedTrack], rejected: Sequence[RejectedTrack]
    ) -> None:
        """Store the outcomes of a part, unless the run has them already. Raises as `PartLedger.commit` does."""
        if part.index not in self._left:
            return
        answers: list[AnsweredTrack] = []
        rejects: list[RejectedTrack] = []
        for row in (*answered, *rejected):
            if reject := self._settled.pop(row.track.track_id, None):
                rejects.append(RejectedTrack(row.track, reject, attempts=1))
            elif isinstance(row, RejectedTrack):
                rejects.append(row)
            else:
                answers.append(row)
        self._ledger.commit(part, answers, rejects)
        with self._counting:
            self.done += len(answers) + sum(row.reject.reason not in NOT_TRIED for row in rejects)

    def records(self) -> list[CommitRecord]:
        """The records of all committed shards."""
        return list(self._sink.records())

    def tracks_left(self) -> int:
        """How many of its tracks have no outcome."""
        return tracks_of_parts(self._ledger.left())
