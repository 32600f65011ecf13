"""The resume of a run without audio or Ray: outcomes come from `outputs.outcome`, all else is the pipeline's."""

import dataclasses

import pytest
from verify.outputs import commit_shards

from genre_batch import pipeline
from genre_batch.catalog.listing import Listing
from genre_batch.config import ScoreConfig, TableConfig
from genre_batch.run.job import Job
from genre_batch.run.planning import listing_folder, resume_or_plan
from genre_batch.run.report import ScoreReport, nothing_to_do
from genre_batch.sink.answers import make_scores
from genre_batch.sink.finish import finish
from genre_batch.storage.open_store import open_store
from genre_batch.verify import repair_plan


def _crew(_: object) -> None:
    raise AssertionError("no actors are started here")


FAKE = Job(TableConfig(source="/in", output="/out"), "scores", "mel-cnn-1", "f" * 64, _crew, make_scores)  # type: ignore[arg-type]


def sink_resumes(monkeypatch: pytest.MonkeyPatch, *, dies: bool = False) -> None:
    """Let `pipeline.score` resume with the outcomes of the tests' tracks, and the bundle be the one that scored."""

    def score(config: ScoreConfig) -> ScoreReport:
        if dies:
            raise KeyboardInterrupt
        store = open_store(config.output)
        plan, resumed = resume_or_plan(config, FAKE, store)
        assert resumed
        tracks = list(Listing(store, listing_folder(config.output, plan.run_id)))
        ledger = commit_shards(store, config.output, plan, tracks, [])
        missing = sorted(set(range(plan.shards)) - ledger.shards())
        commit_shards(store, config.output, plan, tracks, missing)
        finish(store, config.output, plan, ledger.records())
        return nothing_to_do(config.output, plan, 0.0).model_copy(update={"run_id": plan.run_id})

    monkeypatch.setattr(pipeline, "score", score)
    monkeypatch.setattr(repair_plan, "scoring_job", lambda _: dataclasses.replace(FAKE))
