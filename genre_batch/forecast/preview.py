"""`--plan`: what a run would do, worked out without writing to the output."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.catalog_file import LookUp
from genre_batch.catalog.listing import Listing
from genre_batch.catalog.name_patterns import left_out_words, selection_for
from genre_batch.catalog.work_units import PartPlan
from genre_batch.config import TableConfig
from genre_batch.engine.cluster import Cluster, fit_cluster, most_batches
from genre_batch.engine.look_ups import look_up_on_actors
from genre_batch.forecast.forecast import Forecast, make_forecast, with_money
from genre_batch.forecast.prices import read_prices
from genre_batch.forecast.probe import allocate, available_cluster, probe
from genre_batch.forecast.sample import StratifiedSample
from genre_batch.history.past_outcomes import past_runs
from genre_batch.history.unlisted import Unlisted
from genre_batch.run.jobs import Job
from genre_batch.run.output_check import require_writable_output
from genre_batch.run.planning import Siblings, claim_for, part_plan, unscored
from genre_batch.run.progress import Progress
from genre_batch.run.siblings import siblings_of
from genre_batch.sink import layout
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.sink import open_sink
from genre_batch.sink.tables import version_keys
from genre_batch.stages.stage import Flow, Stage
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store
from genre_batch.wording import plural, size


class PlanReport(BaseModel):
    """What a run would do. resumes: the unfinished run that it would continue, or null for a new run.

    listed, skipped, tracks, size_bytes and shards are those of the resumed run, if there is one; `kept` of its tracks
    have their outcome already. left_out: files excluded by name, counted by pattern.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    model_id: str
    resumes: str | None
    listed: int
    skipped: int
    tracks: int
    size_bytes: int
    shards: int
    kept: int = 0
    left_out: dict[str, int] = {}
    placement: str = ""
    forecast: Forecast | None = None

    def summary(self) -> str:
        """The report as lines for a terminal."""
        lines = [
            f"{plural(self.listed, 'track')} listed, {self.skipped:,} done by earlier runs, {self._left():,} to do",
            f"{size(self.size_bytes)} in {plural(self.shards, 'shard')}, with {self.model_id}",
        ]
        if self.left_out:
            lines.append(left_out_words(self.left_out))
        if self.resumes:
            kept = f"{self.kept:,} of its {plural(self.tracks, 'track')} would be kept"
            lines.append(f"run {self.resumes} is unfinished and would be resumed: {kept}")
        if self.placement:
            lines.append(self.placement)
        if self.forecast:
            lines.append(self.forecast.summary())
        return "\n".join([*lines, f"output: {self.output}; no table was written"])

    def _left(self) -> int:
        return self.tracks - self.kept


class PlanReports(BaseModel):
    """What the runs of several bundles would do, in the order of `bundles`.

    passes: the models that would go through the tracks together, in the order of the passes. The forecast of each of
    them is that of their pass, so those of one pass are not to be added up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    plans: tuple[PlanReport, ...]
    passes: tuple[tuple[str, ...], ...]

    def summary(self) -> str:
        """The reports as lines for a terminal."""
        passes = [f"in one pass: {' and '.join(models)}" for models in self.passes if len(models) > 1]
        return "\n\n".join([*(plan.summary() for plan in self.plans), *passes])


def preview(
    jobs: Sequence[Job[TableConfig]], flow_of: Callable[[Sequence[int]], Callable[[Cluster], Flow]]
) -> PlanReports:
    """The plans of the runs that `jobs` would start or resume, and a forecast of what remains of them.

    flow_of: the stages, on a given cluster, of a pass for the jobs at these places. The forecast is None if
    `forecast.tracks` is 0 or no track remains. Raises UserError as the runs would.
    """
    config = jobs[0].config
    require_writable_output(config.output)
    store = open_store(config.output)
    everything = flow_of(range(len(jobs)))
    with siblings_of(jobs) as siblings, ExitStack() as stack:
        cluster_of_run = cache(lambda: stack.enter_context(fit_cluster(lambda found: everything(found).stages)))
        look_up_many = partial(look_up_on_actors, cluster_of_run, config.extract, config.request_payer)
        seen = [_look(job, store, siblings, look_up_many) for job in jobs]
    passes: dict[tuple[object, ...], list[int]] = {}
    for place, each in enumerate(seen):
        if each.remaining:
            passes.setdefault(each.key, []).append(place)
    for places in passes.values():
        cluster, flow = available_cluster(), flow_of(places)
        longest = max((seen[place] for place in places), key=lambda each: each.remaining)
        planned, left = flow(cluster), replace(longest.parts, tracks=longest.remaining)
        forecast = _forecast(config, cluster, planned.stages, longest.sample, left, longest.listed)
        for place in places:
            update = {"placement": planned.placement, "forecast": forecast}
            seen[place].report = seen[place].report.model_copy(update=update)
    return PlanReports(
        plans=tuple(each.report for each in seen),
        passes=tuple(tuple(jobs[place].model_id for place in places) for places in passes.values()),
    )


@dataclass(slots=True)
class _Seen:
    """The plan of one run. key: equal for runs that can share a pass. remaining, listed: tracks. sample: some of those
    that remain.
    """

    report: PlanReport
    key: tuple[object, ...]
    sample: StratifiedSample
    parts: PartPlan
    remaining: int
    listed: int


def _look(job: Job[TableConfig], store: Store, siblings: Siblings, look_up_many: LookUp) -> _Seen:
    config = job.config
    unfinished = claim_for(config, job, store, siblings).unfinished
    selection = selection_for(config.source, config.include, config.exclude)
    listed, remaining, sample = Progress("listed"), Progress("remaining"), StratifiedSample(config.forecast.tracks)
    if unfinished is None:
        past = list(past_runs(store, config.output, job.model_id, job.fingerprint))
        rows = unscored(config, job, store, listed, selection, past, Unlisted(()), look_up_many, siblings)
    else:
        rows = _uncommitted(unfinished, config, store)
    digest = hashlib.sha256()
    for batch in sample.passing(remaining.counted(rows)):
        if siblings.keys:
            digest.update("".join(f"{key}\n" for key in version_keys(batch).to_pylist()).encode())
    total, tracks, size_bytes = listed.tracks, remaining.tracks, remaining.size_bytes
    if unfinished is not None:
        total, tracks, size_bytes = unfinished.listed, unfinished.tracks, unfinished.size_bytes
    parts = unfinished.parts if unfinished else part_plan(config, job, tracks)
    report = PlanReport(
        output=config.output,
        model_id=job.model_id,
        resumes=unfinished.run_id if unfinished else None,
        listed=total,
        skipped=total - tracks,
        left_out=unfinished.left_out if unfinished else dict(selection.left_out),
        tracks=tracks,
        size_bytes=size_bytes,
        shards=len(parts.shards),
        kept=tracks - remaining.tracks,
    )
    tracks_key = unfinished.listing_sha256 or unfinished.run_id if unfinished else digest.hexdigest()
    return _Seen(report, (tracks_key, parts), sample, parts, remaining.tracks, listed.tracks)


def _uncommitted(plan: RunPlan, config: TableConfig, store: Store) -> Iterator[pa.RecordBatch]:
    """The tracks of an unfinished run that have no outcome yet, as rows of its listing."""
    listing = Listing(store, layout.listing_folder(config.output, plan.run_id))
    for part in PartLedger(store, config.output, plan, open_sink(store, config.output, plan)).left():
        yield from listing.table(part.start, part.stop).to_batches()


def _forecast(
    config: TableConfig,
    cluster: Cluster,
    stages: Sequence[Stage],
    sample: StratifiedSample,
    remaining: PartPlan,
    listed: int,
) -> Forecast | None:
    """The forecast for `remaining`, also written to the file that the settings name."""
    if not config.forecast.tracks:
        return None
    prices = read_prices(config.forecast)
    allocation = allocate(cluster, stages, batches=most_batches(remaining.tracks))
    strata = probe(stages, sample.draw(), on_gpu=allocation.gpus > 0)
    forecast = make_forecast(strata, allocation, shards=len(remaining.shards), staged=remaining.staged, listed=listed)
    if prices:
        forecast = with_money(forecast, prices)
    if config.forecast.file:
        open_store(config.forecast.file).write(config.forecast.file, forecast.model_dump_json(indent=1).encode())
    return forecast
