from pathlib import Path

import pytest

from genre_batch.config import FeaturesConfig, ScoreConfig, load
from genre_batch.errors import UsageError
from genre_batch.model.bundle import load_bundle
from genre_batch.run.job import features_job, scoring_job
from genre_batch.sink.answers import make_scores

WHERE = {"source": "/in", "output": "/out"}


def test_scores_are_those_of_the_bundle() -> None:
    job, bundle = scoring_job(load(ScoreConfig, None, (), WHERE)), load_bundle("default")
    assert (job.answers, job.model_id, job.fingerprint) == ("scores", bundle.model_id, bundle.fingerprint)
    assert job.make_table is make_scores


def test_features_are_named_after_their_settings(tmp_path: Path) -> None:
    jobs = []
    for columns in ("[tempo]", "[rms_mean]", "[rms_mean]"):
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(f"front_end: {{name: descriptors, columns: {columns}}}\n")
        jobs.append(features_job(load(FeaturesConfig, None, (), {**WHERE, "recipe": str(recipe)})))
    first, second, third = jobs
    assert second.fingerprint == third.fingerprint != first.fingerprint
    assert second.model_id == f"recipe-{second.fingerprint[:8]}"
    assert second.answers == "features"


def test_a_bundle_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no model bundle"):
        scoring_job(load(ScoreConfig, None, ("bundle=/nowhere",), WHERE))
