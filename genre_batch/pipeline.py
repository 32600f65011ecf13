"""START HERE: the flow of a run, from a catalog to a table.

catalog -> extract (read, decode, features) -> predict (model) -> sink

`score_flow` and `features_flow` name the stages that the data goes through. `_run` is the life of a run: the listing is
frozen and cut into shards, the stages work on batches of its tracks, and each shard is committed once; large ones are
gathered part by part. A run that stops for any reason resumes when it is started again.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import cache, partial

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import RejectStage
from genre_batch.catalog.work_order import places_in_order
from genre_batch.catalog.work_units import Part, tracks_of_parts
from genre_batch.config import FeaturesConfig, JobConfig, ScoreConfig, TableConfig
from genre_batch.engine.budget import Budget
from genre_batch.engine.cluster import Cluster, cluster_when_needed
from genre_batch.engine.first_actors import FirstActors
from genre_batch.engine.look_ups import look_up_on_actors
from genre_batch.engine.run_loop import RunLoop
from genre_batch.engine.telemetry import RunLabels
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.features.front_end import FrontEnd
from genre_batch.forecast.forecast_error import forecast_error, read_forecast
from genre_batch.forecast.preview import PlanReport, preview
from genre_batch.forecast.prices import costing, read_prices
from genre_batch.notices import say
from genre_batch.run.canary_watch import CanaryWatch
from genre_batch.run.failure import failure, still_failed, verdict_on
from genre_batch.run.jobs import Job, descriptors_of, features_job, scoring_job
from genre_batch.run.output_check import require_writable_output
from genre_batch.run.placement import placement_of
from genre_batch.run.planning import resume_or_plan
from genre_batch.run.possession import Possession, possession_of
from genre_batch.run.progress import Progress, shown
from genre_batch.run.report import RunReport, make_report, nothing_to_do
from genre_batch.run.resume import resume_notice
from genre_batch.run.verdict import outcome_watcher
from genre_batch.schedule.finish_time import FinishTime
from genre_batch.sink.elsewhere import DoneElsewhere
from genre_batch.sink.finish import settle, write_manifest
from genre_batch.sink.history import retryable_reasons
from genre_batch.sink.layout import at, listing_folder, run_path
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord, total
from genre_batch.sink.schema import DescribedTrack, ScoredTrack
from genre_batch.sink.sink import open_sink
from genre_batch.sink.verdict import failure_before
from genre_batch.stages.extract import ExtractFeatures, ExtractWithFrontEnd
from genre_batch.stages.fused import fuse
from genre_batch.stages.predict import CollectFeatures, PredictGenres
from genre_batch.stages.stage import Flow, PoolSize, Stage
from genre_batch.storage.open_store import open_store
from genre_batch.wording import plural

MakeFlow = Callable[[Cluster], Flow]


def score_flow(config: ScoreConfig, cluster: Cluster) -> Flow:
    """From audio to genres. The model runs in the extract actors, or in its own: on GPUs, or on CPUs if there are none.

    Raises UsageError if the settings ask for CUDA and give no GPU, and what `placement_of` raises.
    """
    placement = placement_of(config, cluster)
    gpus = 0.0 if placement.fused else config.predict.gpus_each(cluster.gpus)
    # Ray leaves a machine's GPUs visible to actors that reserve none.
    device = config.predict.device if gpus else "cpu"
    how = config.predict.precision, config.predict.runtime
    model = (config.bundle, device, *how, config.min_precision, config.tags_above)
    extract = _extract(config, ExtractFeatures, config.bundle)
    predict = Stage("predict", PredictGenres, model, config.predict, RejectStage.MODEL, num_gpus=gpus)
    flow = Flow([extract, predict], row=ScoredTrack, placement=placement.why)
    return fuse(flow) if placement.fused else flow


def features_flow(front_end: FrontEnd, config: JobConfig) -> Flow:
    """From audio to plain features, without a model."""
    extract = _extract(config, ExtractWithFrontEnd, front_end)
    collect = Stage("collect", CollectFeatures, (), PoolSize(max_size=1), RejectStage.MODEL)
    return Flow([extract, collect], row=DescribedTrack)


def _extract(config: JobConfig, worker: type, settings: str | FrontEnd) -> Stage:
    return Stage(
        "extract",
        worker,
        (settings, config.deadline_s, config.request_payer),
        config.extract,
        RejectStage.DECODE,
        num_cpus=config.extract.num_cpus,
        call_s=60.0,
        track_s=config.deadline_s + 60.0,
    )


def score(config: ScoreConfig) -> RunReport:
    """Give every track of `config.source` a score or a reject below `config.output`, and report.

    Raises UserError for what the user can fix, StorageError if storage fails for good.
    """
    job = scoring_job(config)
    return _run(job, cache(partial(score_flow, job.config)))


def features(config: FeaturesConfig) -> RunReport:
    """Give every track of `config.source` its descriptors or a reject below `config.output`, and report.

    Raises as `score` does.
    """
    return _run(features_job(config), _features_flow(config))


def plan(config: ScoreConfig | FeaturesConfig) -> PlanReport:
    """What `score` or `features` with these settings would do. Writes no table. Raises as they do."""
    if isinstance(config, FeaturesConfig):
        return preview(config, features_job(config), _features_flow(config))
    job = scoring_job(config)
    return preview(config, job, partial(score_flow, job.config))


def _features_flow(config: FeaturesConfig) -> MakeFlow:
    flow = features_flow(descriptors_of(config.recipe)[1], config)
    return lambda _: flow


def _run(job: Job[TableConfig], flow: MakeFlow) -> RunReport:
    started_s, usage, config = time.monotonic(), Usage(), job.config
    require_writable_output(config.output)
    finish = FinishTime(config.finish_by, datetime.now().astimezone(), time.monotonic)
    store, expected, cost = open_store(config.output), read_forecast(config.forecast), costing(config.forecast)
    prices = read_prices(config.forecast)
    currency = prices.currency if prices else None
    budget = Budget(config.max_core_hours, config.max_cost, cost)
    is_used = budget.is_used if budget.is_limited else None
    needed = cluster_when_needed(
        lambda cluster: flow(cluster).stages, ask_first=job.ask_first, metrics_port=config.metrics_port
    )
    with needed as cluster, closing(FirstActors()) as first:
        check_new = partial(_start_first, first, cluster, flow)
        look_up_many = partial(look_up_on_actors, cluster, config.extract, config.request_payer)
        plan, resumed = resume_or_plan(config, job, store, check_new, look_up_many)
        failed = failure_before(store, config.output, plan)
        if plan.tracks == 0:
            repeated = still_failed(store, config, plan, failed) if failed else None
            return nothing_to_do(config.output, plan, time.monotonic() - started_s, repeated)

        def carry_out(work: Workload) -> None:
            labels = RunLabels(plan.run_id, cost, finish.unix_s)
            labelled = replace(work, put_off=finish.put_off, is_used=is_used, labels=labels)
            stages = flow(cluster())
            if stages.placement:
                say(stages.placement)
            RunLoop(stages, cluster(), labelled, usage, first.take()).run()

        canaries = CanaryWatch(store, config.output, plan.run_id, job.canaries, job.canary_tolerance)
        with possession_of(store, config.output, plan) as mine:
            kept, found = _work(job, plan, mine, carry_out, canaries if job.canaries else None, resumed=resumed)
            records = list(found)
            counts = total(record.counts for record in records)
            report_of = partial(
                make_report, config.output, plan, counts, usage, resumed=resumed, kept=kept, currency=currency
            )
            if budget.reached and len(records) < plan.shards:
                mine.pause(f"{budget.reached} is used; start the run again to go on")
                rest = PartLedger(store, config.output, plan, open_sink(store, config.output, plan)).left()
                paused = report_of(wall_s=time.monotonic() - started_s, left=tracks_of_parts(rest))
                left = f"{budget.reached} is used, {plural(paused.left, 'track')} left"
                say(f"run {plan.run_id}: {left}; start again to go on")
                return paused
            manifest = write_manifest(store, config.output, plan, records)
            verdict = verdict_on(store, config, manifest, failed)
            settle(store, config.output, plan, verdict)
    wall_s = time.monotonic() - started_s
    report = report_of(
        wall_s=wall_s,
        hindsight=forecast_error(expected, usage, wall_s),
        failure=failure(verdict) if verdict else None,
        canary_changes=canaries.changes,
    )
    store.write(at(config.output, run_path(plan.run_id, "report.json")), report.model_dump_json(indent=1).encode())
    return report


def _work(
    job: Job[TableConfig],
    plan: RunPlan,
    mine: Possession,
    carry_out: Callable[[Workload], None],
    canaries: CanaryWatch | None,
    *,
    resumed: bool,
) -> tuple[int, Iterable[CommitRecord]]:
    """Finish a run. Returns the number of tracks that already had their outcome, and the records of all shards."""
    config, store = job.config, open_store(job.config.output)
    sink = open_sink(store, config.output, plan, job.make_table)
    parts = PartLedger(store, config.output, plan, sink)
    left = parts.take_up()
    kept = plan.tracks - tracks_of_parts(left)
    if resumed:
        say(resume_notice(store, config, plan, kept).rstrip("\n"))
    else:
        say(f"run {plan.run_id}: {plural(plan.tracks, 'track')} in {plural(plan.shards, 'shard')}")
    if left:
        listing, tracks = Listing(store, listing_folder(config.output, plan.run_id)), plan.tracks - kept
        progress = Progress("working", tracks, plan.size_bytes * tracks // plan.tracks)
        mine.report(progress, kept)
        elsewhere = DoneElsewhere(store, config.output, plan, retryable_reasons(config.retry))
        on_done = outcome_watcher(progress.add_tracks, config, plan.run_id)

        def newest_first(part: Part) -> list[int]:
            order: list[int] = places_in_order(listing.table(part.start, part.stop)).tolist()
            return order

        with shown(progress):
            carry_out(
                Workload(
                    left,
                    tracks,
                    config.batch_tracks,
                    listing.rows,
                    parts.commit,
                    on_done,
                    on_wait=progress.wait_for,
                    on_turn=mine.check,
                    settled=elsewhere.settled,
                    order=newest_first if plan.order == "newest" else None,
                    on_probe=canaries,
                )
            )
    return kept, sink.records()


def _start_first(first: FirstActors, cluster: Callable[[], Cluster], flow: MakeFlow, tracks: int) -> None:
    first.start(cluster(), flow(cluster()).stages, tracks)
