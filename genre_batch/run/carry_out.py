"""The life of the runs of one pass: taken up, worked on, finished or paused, and reported."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from genre_batch.engine.budget import Budget
from genre_batch.engine.telemetry import Held
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.notices import say
from genre_batch.run.failure import failure, still_failed, verdict_on
from genre_batch.run.own_run import OwnRun
from genre_batch.run.possession import Possession, possession_of
from genre_batch.run.progress import shown
from genre_batch.run.run_report import ForecastRatios, RunReport, make_report, nothing_to_do
from genre_batch.run.shared_pass import SharedPass
from genre_batch.schedule.finish_time import FinishTime
from genre_batch.sink.finish import settle, write_manifest
from genre_batch.sink.layout import at, run_path
from genre_batch.sink.record import total
from genre_batch.sink.verdict import Verdict, failure_before
from genre_batch.storage.store import Store
from genre_batch.wording import plural


@dataclass(frozen=True, slots=True)
class StartLimits:
    """What limits one start of a verb, and what its cost is compared with.

    cost: of the resources that were held. forecast_error: actual over forecast, by what was used and seconds; None
    without a forecast.
    """

    finish: FinishTime
    budget: Budget
    cost: Callable[[Held], float]
    currency: str | None
    forecast_error: Callable[[Usage, float], ForecastRatios | None]

    def of_several_passes(self) -> "StartLimits":
        """The same for a start with several passes: a forecast is of one."""
        return replace(self, forecast_error=lambda _usage, _wall_s: None)

    def on(self, work: Workload) -> Workload:
        """The same work, within these limits."""
        labels = replace(work.labels, cost=self.cost, finish_by_s=self.finish.unix_s)
        is_used = self.budget.is_used if self.budget.is_limited else None
        return replace(work, put_off=self.finish.put_off, is_used=is_used, labels=labels)


def carry_out(
    shared: SharedPass, store: Store, limits: StartLimits, usage: Usage, work_on: Callable[[Workload], None]
) -> list[RunReport]:
    """Finish the runs of a pass, or as much as the budget allows: the report of each. work_on: takes tracks through the
    stages.
    """
    output, runs = shared.runs[0].job.config.output, sorted(shared.runs, key=lambda run: run.plan.run_id)
    failed = [failure_before(store, output, run.plan) for run in runs]
    with ExitStack() as held:
        mine = [held.enter_context(possession_of(store, output, run.plan)) for run in runs]
        left = shared.take_up()
        if left and not limits.budget.reached:
            progress = shared.progress(left, mine)
            timed = replace(limits, finish=shared.finish_time(limits.finish))
            with shown(progress):
                work_on(timed.on(shared.workload(left, progress, mine)))
        # the newest last: once it is the latest run, older ones count as settled
        reports = {
            run.plan.run_id: _end(run, own, before, store, limits, usage)
            for run, own, before in zip(runs, mine, failed, strict=True)
        }
    return [reports[run.plan.run_id] for run in shared.runs]


def nothing_done(run: OwnRun, store: Store, usage: Usage) -> RunReport:
    """The report of a run that has nothing to do. A failure of the run before it is repeated."""
    config, failed = run.job.config, failure_before(store, run.job.config.output, run.plan)
    repeated = still_failed(store, config, run.plan, failed) if failed else None
    return nothing_to_do(config.output, run.plan, time.monotonic() - usage.made_s, repeated)


def _end(
    run: OwnRun, mine: Possession, failed: Verdict | None, store: Store, limits: StartLimits, usage: Usage
) -> RunReport:
    """Finish a run whose pass is over, or pause it: its report, which is kept with a finished run."""
    config, plan, usage = run.job.config, run.plan, usage.of_run(run.done)
    records = run.records()
    report_of = partial(
        make_report,
        config.output,
        plan,
        total(record.counts for record in records),
        usage,
        resumed=run.resumed,
        kept=run.kept,
        currency=limits.currency,
    )
    if limits.budget.reached and len(records) < plan.shards:
        reached = f"{limits.budget.reached} is used"
        mine.pause(f"{reached}; start the run again to continue")
        paused = report_of(wall_s=time.monotonic() - usage.made_s, left=run.tracks_left())
        say(f"run {plan.run_id}: {reached}, {plural(paused.left, 'track')} left; start again to continue")
        return paused
    manifest = write_manifest(store, config.output, plan, records)
    verdict = verdict_on(store, config, manifest, failed)
    settle(store, config.output, plan, verdict)
    mine.end(None)
    wall_s = time.monotonic() - usage.made_s
    report = report_of(
        wall_s=wall_s,
        forecast_error=limits.forecast_error(usage, wall_s),
        failure=failure(verdict) if verdict else None,
        canary_changes=run.canaries.changes,
    )
    store.write(at(config.output, run_path(plan.run_id, "report.json")), report.model_dump_json(indent=1).encode())
    return report
