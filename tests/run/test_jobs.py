from pathlib import Path

import pytest
from exported_models import linear_onnx
from separable import GENRES, separable
from small_bundle import MANIFEST, write_small_bundle

from genre_batch.config import FeaturesConfig, ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.errors import UsageError
from genre_batch.features.front_ends.descriptors import COLUMNS
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.model.architecture import OnnxSettings
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.estimators.estimator import fit_estimator
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.golden import make_golden
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.model.write_bundle import write_bundle
from genre_batch.pipeline import score_flow
from genre_batch.run.jobs import descriptors_of, features_job, scoring_job
from genre_batch.sink.tables import make_scores


def test_descriptors_come_from_a_recipe_or_a_file(tmp_path: Path) -> None:
    name, front_end = descriptors_of("descriptor_mlp")
    assert name == "descriptor_mlp"
    assert tuple(front_end.columns) == COLUMNS
    own = tmp_path / "My Own.yaml"
    own.write_text("front_end: {name: descriptors, columns: [tempo], segment_s: 3.0}\n")
    name, front_end = descriptors_of(str(own))
    assert (name, front_end.columns, front_end.segment_s) == ("my-own", ["tempo"], 3.0)


def test_a_bundle_beside_needs_no_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_bundle(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="mine has no descriptors: its front end is log_mel"):
        descriptors_of("mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("front_end: {name: log_mel}\n", "has no descriptors"),
        ("front_end: {name: descriptors, columns: [nonsense]}\n", "no valid front_end"),
        ("name: x\n", "no valid front_end"),
        ("- 1\n", "no valid front_end"),
        ("{", "no valid front_end"),
    ],
)
def test_what_has_no_descriptors_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        descriptors_of(str(file))


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("default", "the recipe default has no descriptors"),
        ("/nowhere/at/all", "there is no model bundle at /nowhere/at/all"),
        ("/nowhere.yaml", "cannot read /nowhere.yaml"),
    ],
)
def test_bundles_and_files_without_descriptors_are_refused(recipe: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        descriptors_of(recipe)


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
    network = scoring_job(settings).config.predict
    assert (network.device, network.gpus_each(2.0)) == ("auto", 1.0)
    write_forest_bundle(tmp_path / "forest")
    settings = load(ScoreConfig, None, (f"bundle={tmp_path / 'forest'}",), WHERE)
    forest = scoring_job(settings).config.predict
    assert (forest.device, forest.gpus_each(2.0)) == ("cpu", 0.0)


@pytest.mark.parametrize(("provider", "gpus"), [("CUDAExecutionProvider", 1.0), ("AzureExecutionProvider", 0.0)])
def test_an_onnx_model_takes_a_gpu_only_if_onnxruntime_can_use_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, gpus: float
) -> None:
    write_onnx_bundle(tmp_path)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [provider, "CPUExecutionProvider"])
    settings = load(ScoreConfig, None, (f"bundle={tmp_path}", "predict.placement=separate"), WHERE)
    flow = score_flow(scoring_job(settings).config, Cluster(8.0, 2.0, own=False))
    assert flow.stages[-1].num_gpus == gpus
    # the workers may have what this machine has not, and are asked
    asked = load(ScoreConfig, None, (f"bundle={tmp_path}", "predict.device=cuda"), WHERE)
    assert scoring_job(asked).config.predict.gpus_each(2.0) == 1.0


def test_a_network_in_onnx_runtime_takes_no_gpu() -> None:
    settings = load(ScoreConfig, None, ("predict.runtime=onnx",), WHERE)
    pool = scoring_job(settings).config.predict
    assert (pool.device, pool.gpus_each(2.0)) == ("cpu", 0.0)
    asked = load(ScoreConfig, None, ("predict.runtime=onnx", "predict.device=cuda"), WHERE)
    with pytest.raises(UsageError, match=r"predict.runtime is onnx, .* and predict.device is cuda"):
        scoring_job(asked)


def test_a_precision_that_would_change_nothing_is_refused_before_any_work() -> None:
    with pytest.raises(UsageError, match="texture_kernel runs in fp32 only, not in bf16") as refused:
        scoring_job(load(ScoreConfig, None, ("bundle=cheap", "predict.precision=bf16"), WHERE))
    assert "predict.precision" in refused.value.hint


@pytest.mark.parametrize(
    ("overrides", "first"),
    [
        ([], False),
        (["extract.num_cpus=0.5", "extract.min_size=2", "predict.num_gpus=0"], False),
        (["extract.min_size=2"], True),
        (["extract.num_cpus=2"], True),
        (["predict.num_gpus=0.5"], True),
        (["predict.device=cuda"], True),
    ],
)
def test_a_cluster_that_may_have_too_little_is_asked_first(overrides: list[str], first: bool) -> None:
    assert scoring_job(load(ScoreConfig, None, overrides, WHERE)).ask_first is first


def write_onnx_bundle(folder: Path) -> None:
    front_end = MfccFrontEnd(n_mfcc=16, segment_frames=20, segment_hop_frames=20)
    weights = {"model.onnx": linear_onnx(["B", 1, 16, 20], 320, 3)}
    changes = {"architecture": OnnxSettings(), "front_end": front_end, "taxonomy": Taxonomy(genres=["a", "b", "c"])}
    draft = Bundle("here", MANIFEST.model_copy(update=changes), weights)
    write_bundle(folder, draft.manifest, weights, make_golden(draft, open_predictor(draft, "cpu")))


def write_forest_bundle(folder: Path) -> None:
    settings = ForestSettings(trees=2)
    front_end = MfccFrontEnd(n_mfcc=6, segment_frames=40, segment_hop_frames=40)
    genres = Taxonomy(genres=["blues", "disco", "jazz", "pop", "rock"])
    segments, labels = separable()
    weights = {"model.skops": fit_estimator(settings, segments, labels, GENRES, seed=0).weights()}
    changes = {"architecture": settings, "front_end": front_end, "taxonomy": genres}
    draft = Bundle("here", MANIFEST.model_copy(update=changes), weights)
    write_bundle(folder, draft.manifest, weights, make_golden(draft, open_predictor(draft)))
