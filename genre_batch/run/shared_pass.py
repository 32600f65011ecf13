"""A pass over the tracks of one listing, for one run or for several that need the same tracks.

Each run has its own plan, listing, ledger and records, as if it were alone: a run that the others leave behind is an
ordinary unfinished one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.catalog.work_order import places_in_order
from genre_batch.catalog.work_units import Part, tracks_of_parts
from genre_batch.engine.telemetry import RunLabels
from genre_batch.engine.workload import ProbeAnswer, Workload
from genre_batch.run.own_run import OwnRun
from genre_batch.run.possession import Possession
from genre_batch.run.progress import Progress
from genre_batch.run.reject_limits import outcome_watcher
from genre_batch.run.resume import end_of
from genre_batch.schedule.finish_time import FinishTime
from genre_batch.sink.layout import listing_folder
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.stages.several import SeveralAnswers
from genre_batch.storage.open_store import open_store

_Row = AnsweredTrack | SeveralAnswers
"""A row of a flow: one answer, or one for each model."""


class SharedPass:
    """What `runs`, whose listings are equal, do together: the parts that any of them has to do, each part once."""

    def __init__(self, runs: Sequence[OwnRun]) -> None:
        self.runs = runs
        self._beginnings = [0, *accumulate(len(run.job.canaries) for run in runs)]

    def take_up(self) -> list[Part]:
        """The parts to do, in order."""
        left = {part.index: part for run in self.runs for part in run.take_up()}
        return [left[index] for index in sorted(left)]

    def finish_time(self, of_this_start: FinishTime) -> FinishTime:
        """When the pass is to finish: with the first of its runs that is to."""
        ends = [end_of(run.plan, run.job.config, of_this_start.end) for run in self.runs]
        return of_this_start.ending(min((end for end in ends if end), default=None))

    def progress(self, left: Sequence[Part], mine: Sequence[Possession]) -> Progress:
        """The counts of the parts that are `left`, which the heartbeats of all runs report from now on."""
        plan, tracks = self.runs[0].plan, tracks_of_parts(left)
        progress = Progress("working", tracks, plan.size_bytes * tracks // plan.tracks)
        for possession in mine:
            possession.report(progress, plan.tracks - tracks)
        return progress

    def workload(self, left: Sequence[Part], progress: Progress, mine: Sequence[Possession]) -> Workload:
        """The work on the parts that are `left`, which `progress` counts. It ends if another driver takes a run."""
        plan, config = self.runs[0].plan, self.runs[0].job.config
        listing = Listing(open_store(config.output), listing_folder(config.output, plan.run_id))

        def newest_first(part: Part) -> list[int]:
            order: list[int] = places_in_order(listing.table(part.start, part.stop)).tolist()
            return order

        def check_possession() -> None:
            for possession in mine:
                possession.check()

        return Workload(
            left,
            tracks_of_parts(left),
            config.batch_tracks,
            listing.rows,
            self.commit,
            outcome_watcher(progress.add_tracks, config, plan.run_id),
            on_wait=progress.wait_for,
            on_turn=check_possession,
            settled=self.settled,
            labels=RunLabels(plan.run_id),
            order=newest_first if plan.order == "newest" else None,
            on_probe=self.on_probe if self._beginnings[-1] else None,
        )

    def settled(self, tracks: Sequence[Track]) -> Mapping[int, Reject]:
        """The places of `tracks` that need no work for any run, and the reject for each."""
        first, *others = [run.settled(tracks) for run in self.runs]
        return {place: reject for place, reject in first.items() if all(place in other for other in others)}

    def commit(self, part: Part, answered: Sequence[_Row], rejected: Sequence[RejectedTrack]) -> None:
        """Store for each run its own outcomes of a part, one run after the other. Raises as `OwnRun.commit` does."""
        for number, run in enumerate(self.runs):
            run.commit(part, [row.of(number) if isinstance(row, SeveralAnswers) else row for row in answered], rejected)

    def on_probe(self, answer: ProbeAnswer) -> None:
        """Let each run compare what its canaries answer: those of all runs come one after the other."""
        for number, run in enumerate(self.runs):
            start, stop = self._beginnings[number : number + 2]
            if start < stop:
                own = tuple(_of_model(outcome, number) for outcome in answer.outcomes[start:stop])
                run.canaries(replace(answer, outcomes=own))


def _of_model(outcome: object, number: int) -> object:
    """What the model with this number says, in the outcome of one model or of several."""
    return outcome[number] if isinstance(outcome, tuple) else outcome
