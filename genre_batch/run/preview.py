"""`--plan`: what a run would do, found out without writing anything."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.shards import PartPlan, plan_shards
from genre_batch.catalog.stratified_sample import StratifiedSample
from genre_batch.config import TableConfig, load
from genre_batch.run.forecast import Forecast, forecast, priced
from genre_batch.run.job import Job
from genre_batch.run.planning import listing_folder, parts_of, turn_of, unscored
from genre_batch.run.price_list import PriceList
from genre_batch.run.probe import offer_of, offered_cluster, probed
from genre_batch.run.progress import Progress
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store


class PlanReport(BaseModel):
    """What a run would do. resumes: the unfinished run that it would go on with, if there is one.

    listed, skipped and tracks are then those of that run.
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
    forecast: Forecast | None = None

    def summary(self) -> str:
        """The report in lines for people."""
        lines = [
            f"{self.listed:,} tracks listed, {self.skipped:,} done before, {self.tracks:,} to score",
            f"{self.size_bytes / 1e6:,.1f} MB in {self.shards:,} shards, with {self.model_id}",
        ]
        if self.resumes:
            lines.append(f"run {self.resumes} is unfinished and would be resumed")
        if self.forecast:
            lines.append(self.forecast.summary())
        return "\n".join([*lines, f"output: {self.output}; nothing was written"])


def preview(config: TableConfig, job: Job) -> PlanReport:
    """The plan of the run that `job` with the same settings would start or resume, with a forecast of the rest of it.

    The forecast is None where `config.forecast.tracks` is 0 or no track is left. Raises UserError as that run does.
    """
    store = open_store(config.output)
    unfinished = turn_of(config, job, store).unfinished
    listed, left, sample = Progress("listed"), Progress("to score"), StratifiedSample(config.forecast.tracks)
    rows = unscored(config, job, store, listed) if unfinished is None else _left_of(unfinished, config, store)
    for _ in sample.passing(left.counted(rows)):
        pass
    total, tracks, size_bytes = listed.tracks, left.tracks, left.size_bytes
    if unfinished is not None:
        total, tracks, size_bytes = unfinished.listed, unfinished.tracks, unfinished.size_bytes
    parts = unfinished.parts if unfinished else parts_of(config, job, tracks)
    return PlanReport(
        output=config.output,
        model_id=job.model_id,
        resumes=unfinished.run_id if unfinished else None,
        listed=total,
        skipped=total - tracks,
        tracks=tracks,
        size_bytes=size_bytes,
        shards=len(plan_shards(tracks, parts.shard_tracks)),
        forecast=_forecast(config, job, sample, replace(parts, tracks=left.tracks), listed.tracks),
    )


def _left_of(plan: RunPlan, config: TableConfig, store: Store) -> Iterator[pa.RecordBatch]:
    """The tracks of an unfinished run that have no outcome yet."""
    listing = Listing(store, listing_folder(config.output, plan.run_id))
    for part in PartLedger(store, config.output, plan, Ledger(store, config.output, plan)).left():
        yield from listing.table(part.start, part.stop).to_batches()


def _forecast(config: TableConfig, job: Job, sample: StratifiedSample, left: PartPlan, listed: int) -> Forecast | None:
    tracks = left.tracks
    if not config.forecast.tracks or not tracks:
        return None
    prices = load(PriceList, config.forecast.prices) if config.forecast.prices else None
    cluster = offered_cluster()
    offer = offer_of(cluster, config, batches=-(-tracks // config.batch_tracks))
    strata = probed(job.crew(cluster), sample.draw(), on_gpu=offer.gpus > 0)
    shards = len(plan_shards(tracks, left.shard_tracks))
    made = forecast(strata, offer, shards=shards, staged=left.staged, listed=listed)
    made = priced(made, prices) if prices else made
    if config.forecast.file:
        open_store(config.forecast.file).write(config.forecast.file, made.model_dump_json(indent=1).encode())
    return made
