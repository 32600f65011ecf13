"""Resuming a run without audio or Ray: outcomes come from `outputs.outcome`, everything else from the pipeline."""

import dataclasses

import pytest
from verify.outputs import commit_shards

from genre_batch import pipeline
from genre_batch.catalog.listing import Listing
from genre_batch.config import ScoreConfig, TableConfig
from genre_batch.run.jobs import Job
from genre_batch.run.planning import resume_or_plan
from genre_batch.run.run_report import RunReport, nothing_to_do
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.tables import make_scores
from genre_batch.storage.open_store import open_store
from genre_batch.verify import repair_plan

FAKE = Job(TableConfig(source="/in", output="/out"), "scores", "mel-cnn-1", "f" * 64, make_scores, ask_first=False)  # type: ignore[arg-type]


def sink_resumes(monkeypatch: pytest.MonkeyPatch, *, dies: bool = False) -> None:
    """Make `pipeline.score` resume with the outcomes of `outputs.outcome`, and the bundle match the run's."""

    def score(config: ScoreConfig) -> RunReport:
        if dies:
            raise KeyboardInterrupt
        store = open_store(config.output)
        plan, resumed = resume_or_plan(config, FAKE, store)
        assert resumed
        tracks = list(Listing(store, layout.listing_folder(config.output, plan.run_id)))
        ledger = commit_shards(store, config.output, plan, tracks, [])
        missing = sorted(set(range(plan.shards)) - ledger.shards())
        commit_shards(store, config.output, plan, tracks, missing)
        finish(store, config.output, plan, ledger.records())
        return nothing_to_do(config.output, plan, 0.0).model_copy(update={"run_id": plan.run_id})

    monkeypatch.setattr(pipeline, "score", score)
    monkeypatch.setattr(repair_plan, "scoring_job", lambda _: dataclasses.replace(FAKE))
