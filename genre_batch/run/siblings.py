"""The runs of one start, one for each of its bundles: planned one after the other, and grouped into passes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from genre_batch.catalog.catalog_file import LookUp
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.config import TableConfig
from genre_batch.notices import say
from genre_batch.run.jobs import Job
from genre_batch.run.planning import ALONE, ListedRows, Siblings, resume_or_plan
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import Store


def plan_runs(
    jobs: Sequence[Job[TableConfig]],
    store: Store,
    check_new: Callable[[int], object],
    look_up_many: LookUp,
    finish_at: datetime | None = None,
) -> list[tuple[RunPlan, bool]]:
    """For each of `jobs` the plan to carry out, and whether it is that of an unfinished run, as `resume_or_plan`.

    The source is listed once. The last job is planned first: the newest run is the latest one, and that is the first
    job's. check_new: called once. Raises as `resume_or_plan` does.
    """
    is_checked = False

    def check_once(tracks: int) -> None:
        nonlocal is_checked
        if not is_checked:
            is_checked = True
            check_new(tracks)

    with siblings_of(jobs) as siblings:
        backwards = [
            resume_or_plan(job.config, job, store, check_once, look_up_many, siblings, finish_at)
            for job in reversed(jobs)
        ]
    return backwards[::-1]


@contextmanager
def siblings_of(jobs: Sequence[Job[TableConfig]]) -> Iterator[Siblings]:
    """What the runs of `jobs` know of each other while they are planned: their models, and one listing."""
    if len(jobs) == 1:
        yield ALONE
        return
    with TrackRuns() as kept:
        yield Siblings(frozenset((job.model_id, job.fingerprint) for job in jobs), _ListedOnce(kept))


class _ListedOnce:
    """Keeps the rows of the first listing in `kept`, and returns them for every later one."""

    def __init__(self, kept: TrackRuns) -> None:
        self._kept = kept
        self._is_full = False

    def __call__(self, rows: ListedRows) -> ListedRows:
        if not self._is_full:
            self._kept.add_batches(rows)
            self._is_full = True
        return self._kept.merged_batches()


def passes(plans: Sequence[RunPlan]) -> list[list[int]]:
    """The places of `plans` that have something to do, those together that can share a pass.

    These have the same tracks, cut in the same way. The pass with the newest run is the last one: once that run is the
    latest, an older run with a manifest counts as settled, and its verdict must be there by then. If there are several
    passes, a line on stderr says so.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, plan in enumerate(plans):
        if plan.tracks:
            cut = plan.tracks, plan.shard_tracks, plan.parts.part_tracks, plan.order
            alike.setdefault((plan.listing_sha256 or plan.run_id, *cut), []).append(place)
    found = sorted(alike.values(), key=lambda places: max(plans[place].run_id for place in places))
    if len(found) > 1:
        groups = ", then ".join(" and ".join(plans[place].model_id for place in places) for places in found)
        say(f"the models have different tracks to do, so they go one after the other: {groups}")
    return found
