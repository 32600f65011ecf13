"""START HERE: the flow of a run, from a catalog to a table.

catalog -> decode -> features -> model -> sink

The listing is frozen and cut into shards; extract actors turn batches of tracks into feature blocks, predict actors
turn blocks into scores, and each shard is committed once; large ones are gathered part by part. Whatever stops a run,
starting it again goes on from there; too many rejects stop it on purpose.
"""

import sys
import time
from collections.abc import Callable

from genre_batch.catalog.listing import Listing
from genre_batch.config import FeaturesConfig, ScoreConfig
from genre_batch.engine.cluster import Cluster, cluster_when_needed
from genre_batch.engine.drive import Drive, Work
from genre_batch.engine.usage import Usage
from genre_batch.run.hindsight import kept_forecast
from genre_batch.run.job import Job, features_job, scoring_job
from genre_batch.run.planning import listing_folder, resume_or_plan
from genre_batch.run.progress import Progress, shown
from genre_batch.run.report import ScoreReport, nothing_to_do, score_report
from genre_batch.run.resuming import resuming
from genre_batch.run.stopping import judged
from genre_batch.sink.finish import finish
from genre_batch.sink.layout import at, run_path
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.open_store import open_store


def score(config: ScoreConfig) -> ScoreReport:
    """Give every track of `config.source` a score or a reject below `config.output`, and report.

    Raises UserError for what the user can mend, StorageError where storage fails for good.
    """
    return _run(scoring_job(config))


def features(config: FeaturesConfig) -> ScoreReport:
    """Give every track of `config.source` its descriptors or a reject below `config.output`, and report.

    Raises as `score` does.
    """
    return _run(features_job(config))


def _run(job: Job) -> ScoreReport:
    started_s, usage, config = time.monotonic(), Usage(), job.config
    store, expected = open_store(config.output), kept_forecast(config.forecast)
    with cluster_when_needed(config) as cluster:
        plan, resumed = resume_or_plan(config, job, store)
        if plan.tracks == 0:
            return nothing_to_do(config.output, plan, time.monotonic() - started_s)
        if resumed:
            sys.stderr.write(resuming(store, config, plan))
        ledger = Ledger(store, config.output, plan, job.make_table)
        parts = PartLedger(store, config.output, plan, ledger)
        _carry_out(job, plan, Listing(store, listing_folder(config.output, plan.run_id)), parts, usage, cluster)
    manifest = finish(store, config.output, plan, ledger.records())
    wall_s = time.monotonic() - started_s
    report = score_report(config.output, manifest, usage, resumed=resumed, wall_s=wall_s, forecast=expected)
    store.write(at(config.output, run_path(plan.run_id, "report.json")), report.model_dump_json(indent=1).encode())
    return report


def _carry_out(
    job: Job, plan: RunPlan, listing: Listing, parts: PartLedger, usage: Usage, cluster: Callable[[], Cluster]
) -> None:
    """Run what has no outcome yet on Ray, and commit it shard by shard. Raises what `judged` raises."""
    left = parts.take_up()
    tracks = sum(part.stop - part.start for part in left)
    size_bytes = plan.size_bytes * tracks // plan.tracks
    if not left:
        return
    offered = cluster()
    with shown(Progress("working", tracks, size_bytes)) as progress:
        on_done = judged(progress.add_tracks, job.config, plan.run_id)
        work = Work(left, tracks, listing.rows, parts.commit, on_done)
        Drive(job.crew(offered), job.config, offered, work, usage).run()
