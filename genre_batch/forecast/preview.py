"""`--plan`: what a run would do, worked out without writing to the output."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.name_patterns import left_out_words, selection_for
from genre_batch.catalog.work_units import PartPlan
from genre_batch.config import TableConfig
from genre_batch.engine.cluster import Cluster, most_batches
from genre_batch.forecast.forecast import Forecast, make_forecast, with_money
from genre_batch.forecast.prices import read_prices
from genre_batch.forecast.probe import allocate, available_cluster, probe
from genre_batch.forecast.sample import StratifiedSample
from genre_batch.run.jobs import Job
from genre_batch.run.output_check import require_writable_output
from genre_batch.run.planning import claim_for, part_plan, unscored
from genre_batch.run.progress import Progress
from genre_batch.sink import layout
from genre_batch.sink.history import past_runs
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.sink import open_sink
from genre_batch.sink.unlisted import Unlisted
from genre_batch.stages.stage import Flow, Stage
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store
from genre_batch.wording import plural, size


class PlanReport(BaseModel):
    """What a run would do. resumes: the unfinished run that it would continue, or null for a new run.

    listed, skipped, tracks, size_bytes and shards are those of the resumed run, if there is one; `kept` of its tracks
    have their outcome already. left_out: files that are no tracks by their names, by pattern.
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
        return "\n".join([*lines, f"output: {self.output}; nothing was written"])

    def _left(self) -> int:
        return self.tracks - self.kept


def preview(config: TableConfig, job: Job[TableConfig], flow: Callable[[Cluster], Flow]) -> PlanReport:
    """The plan of the run that `job` would start or resume with these settings, and a forecast of what remains of it.

    flow: the stages of the run on a given cluster. The forecast is None if `config.forecast.tracks` is 0 or no track
    remains. Raises UserError as the run would.
    """
    require_writable_output(config.output)
    store = open_store(config.output)
    unfinished = claim_for(config, job, store).unfinished
    selection = selection_for(config.source, config.include, config.exclude)
    listed, remaining, sample = Progress("listed"), Progress("remaining"), StratifiedSample(config.forecast.tracks)
    if unfinished is None:
        past = list(past_runs(store, config.output, job.model_id, job.fingerprint))
        rows = unscored(config, job, store, listed, selection, past, Unlisted(()))
    else:
        rows = _uncommitted(unfinished, config, store)
    for _ in sample.passing(remaining.counted(rows)):
        pass
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
    if not remaining.tracks:
        return report
    cluster, left = available_cluster(), replace(parts, tracks=remaining.tracks)
    planned = flow(cluster)
    forecast = _forecast(config, cluster, planned.stages, sample, left, listed.tracks)
    return report.model_copy(update={"placement": planned.placement, "forecast": forecast})


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
