"""START HERE: the flow of a run, from a catalog to a table.

catalog -> extract (read, decode, features) -> predict (model) -> sink

`score_flow` and `features_flow` name the stages that the data goes through. `_run` plans a run, or several with a
model each, and carries them out (`run/carry_out.py`): the listing is frozen and cut into shards, the stages work on
batches of its tracks, and the sink (`sink/sink.py`) commits each shard once; large ones are gathered part by part. A
run that stops for any reason resumes when it is started again.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache, partial

from genre_batch.catalog.reject import RejectStage
from genre_batch.config import FeaturesConfig, JobConfig, ScoreConfig, TableConfig
from genre_batch.engine.budget import Budget
from genre_batch.engine.cluster import Cluster, cluster_when_needed
from genre_batch.engine.first_actors import FirstActors
from genre_batch.engine.look_ups import look_up_on_actors
from genre_batch.engine.run_loop import RunLoop
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.forecast.forecast_error import forecast_error, read_forecast
from genre_batch.forecast.preview import PlanReport, PlanReports, preview
from genre_batch.forecast.prices import costing, read_prices
from genre_batch.notices import say
from genre_batch.run.carry_out import StartLimits, carry_out, nothing_done
from genre_batch.run.jobs import Job, descriptors_of, features_job, scoring_job
from genre_batch.run.output_check import require_writable_output
from genre_batch.run.own_run import OwnRun
from genre_batch.run.placement import placement_of
from genre_batch.run.run_report import RunReport, RunReports
from genre_batch.run.shared_pass import SharedPass
from genre_batch.run.siblings import passes, plan_runs
from genre_batch.schedule.finish_time import FinishTime
from genre_batch.sink.schema import DescribedTrack, ScoredTrack
from genre_batch.stages.extract import ExtractFeatures, ExtractWithFrontEnd
from genre_batch.stages.fused import fuse
from genre_batch.stages.predict import CollectFeatures, PredictGenres
from genre_batch.stages.several import together
from genre_batch.stages.stage import Flow, PoolSize, Stage
from genre_batch.storage.open_store import open_store

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
    model = (config.bundle, device, *how, config.min_precision, config.tags_above, config.min_in_scope)
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

    Raises UsageError if `config.bundles` names several models, UserError for what else the user can fix, StorageError
    if storage fails for good.
    """
    _require_one(config)
    return score_each(config).runs[0]


def score_each(config: ScoreConfig) -> RunReports:
    """The same with each of several models, in a run of its own; a track is read once for all that need it.

    Raises UsageError if two of `config.bundles` are the same model, and as `score` does.
    """
    return _run(_scoring(config))


def _require_one(config: ScoreConfig) -> None:
    if len(config.bundles) > 1:
        raise UsageError("bundles names several models", "use `score_each` or `plan_each`, or set bundle to one model")


def _scoring(config: ScoreConfig) -> list[tuple[Job[ScoreConfig], MakeFlow]]:
    jobs = [scoring_job(each) for each in config.of_each_bundle()]
    if twice := [model for model, runs in Counter(job.model_id for job in jobs).items() if runs > 1]:
        raise UsageError(f"bundles names the model {twice[0]} twice", "leave one of them out")
    return [(job, cache(partial(score_flow, job.config))) for job in jobs]


def features(config: FeaturesConfig) -> RunReport:
    """Give every track of `config.source` its descriptors or a reject below `config.output`, and report.

    Raises as `score` does.
    """
    return _run([(features_job(config), _features_flow(config))]).runs[0]


def plan(config: ScoreConfig | FeaturesConfig) -> PlanReport:
    """What `score` or `features` with these settings would do. Writes no table. Raises as they do."""
    if isinstance(config, ScoreConfig):
        _require_one(config)
        return plan_each(config).plans[0]
    flow = _features_flow(config)
    return preview([features_job(config)], lambda _: flow).plans[0]


def plan_each(config: ScoreConfig) -> PlanReports:
    """What `score_each` with these settings would do. Writes no table. Raises as it does."""
    jobs = _scoring(config)
    return preview([job for job, _ in jobs], lambda places: _joined([jobs[place][1] for place in places]))


def _features_flow(config: FeaturesConfig) -> MakeFlow:
    flow = features_flow(descriptors_of(config.recipe)[1], config)
    return lambda _: flow


def _limits(config: TableConfig) -> StartLimits:
    finish = FinishTime(config.finish_by, datetime.now().astimezone(), time.monotonic)
    expected, cost, prices = read_forecast(config.forecast), costing(config.forecast), read_prices(config.forecast)
    budget = Budget(config.max_core_hours, config.max_cost, cost)
    currency = prices.currency if prices else None
    return StartLimits(finish, budget, cost, currency, partial(forecast_error, expected))


def _run(jobs: Sequence[tuple[Job[TableConfig], MakeFlow]]) -> RunReports:
    """Plan a run for each of `jobs`, then carry them out: those that need the same tracks in one pass."""
    usage, config = Usage(), jobs[0][0].config
    require_writable_output(config.output)
    limits, store, flow = _limits(config), open_store(config.output), _joined([flow for _, flow in jobs])
    ask_first = any(job.ask_first for job, _ in jobs)
    needed = cluster_when_needed(
        lambda cluster: flow(cluster).stages, ask_first=ask_first, metrics_port=config.metrics_port
    )
    with needed as cluster, closing(FirstActors()) as first:
        check_new = partial(_start_first, first, cluster, flow, limits.finish)
        pool, payer, is_late = config.extract, config.request_payer, limits.finish.is_over
        look_up_many = partial(look_up_on_actors, cluster, pool, payer, is_late=is_late)
        plans = plan_runs([job for job, _ in jobs], store, check_new, look_up_many, limits.finish.end)
        runs = [OwnRun(job, plan, store, resumed=old) for (job, _), (plan, old) in zip(jobs, plans, strict=True)]
        reports = {place: nothing_done(run, store, usage) for place, run in enumerate(runs) if not run.plan.tracks}
        groups = passes([run.plan for run in runs])
        if len(groups) > 1:
            limits = limits.of_several_passes()
        for places in groups:
            if len(places) < len(jobs):  # the first actors work for all models
                first.close()
                flow = _joined([jobs[place][1] for place in places])
            shared = SharedPass([runs[place] for place in places])
            work_on = partial(_work_on, usage, cluster, flow, first)
            reports |= zip(places, carry_out(shared, store, limits, usage, work_on), strict=True)
            usage = Usage()
            limits.budget.next_pass()
    ids = tuple(tuple(runs[place].plan.run_id for place in places) for places in groups)
    return RunReports(runs=tuple(reports[place] for place in range(len(jobs))), passes=ids)


def _work_on(usage: Usage, cluster: Callable[[], Cluster], flow: MakeFlow, first: FirstActors, work: Workload) -> None:
    """Take tracks through the stages."""
    stages = flow(cluster())
    if stages.placement:
        say(stages.placement)
    RunLoop(stages, cluster(), work, usage, first.take()).run()


def _joined(flows: Sequence[MakeFlow]) -> MakeFlow:
    return cache(lambda cluster: together([flow(cluster) for flow in flows]))


def _start_first(
    first: FirstActors, cluster: Callable[[], Cluster], flow: MakeFlow, finish: FinishTime, tracks: int
) -> None:
    first.start(cluster(), flow(cluster()).stages, tracks, finish.is_over)
