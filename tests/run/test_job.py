from pathlib import Path

import pytest
from separable import GENRES, separable
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.config import FeaturesConfig, ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.errors import UsageError
from genre_batch.features.front_end import MfccFrontEnd
from genre_batch.model.architecture import ForestSettings
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.estimators.fit import fit_estimator
from genre_batch.model.golden import make_golden
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.taxonomy import Taxonomy
from genre_batch.model.write_bundle import write_bundle
from genre_batch.run.job import features_job, scoring_job
from genre_batch.schedule.events import Role
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


def test_an_estimator_takes_no_gpu(tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "network")
    settings = load(ScoreConfig, None, (f"bundle={tmp_path / 'network'}",), WHERE)
    crew = scoring_job(settings).crew(Cluster(4.0, 2.0, own=True))
    assert crew[Role.PREDICT].arguments[1] == "auto"
    write_forest_bundle(tmp_path / "forest")
    settings = load(ScoreConfig, None, (f"bundle={tmp_path / 'forest'}",), WHERE)
    job = scoring_job(settings)
    assert job.crew(Cluster(4.0, 2.0, own=True))[Role.PREDICT].arguments[1] == "cpu"
    assert job.config.predict_pool.device == "cpu"


def write_forest_bundle(folder: Path) -> None:
    settings = ForestSettings(trees=2)
    front_end = MfccFrontEnd(n_mfcc=6, segment_frames=40, segment_hop_frames=40)
    genres = Taxonomy(genres=["blues", "disco", "jazz", "pop", "rock"])
    segments, labels = separable()
    weights = {"model.skops": fit_estimator(settings, segments, labels, GENRES, seed=0).weights()}
    changes = {"architecture": settings, "front_end": front_end, "taxonomy": genres}
    draft = Bundle("here", MANIFEST.model_copy(update=changes), weights)
    write_bundle(folder, draft.manifest, weights, make_golden(draft, open_predictor(draft)))
