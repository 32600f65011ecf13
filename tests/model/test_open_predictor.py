"""The predictor of each family, and what is refused before it is built."""

from pathlib import Path

import numpy as np
import pytest
from separable import GENRES, separable
from small_bundle import MANIFEST, weights_of

from genre_batch.errors import UsageError
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.model.architecture import Architecture, HuggingFaceSettings, OnnxSettings
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.devices import Precision
from genre_batch.model.estimators.estimator import fit_estimator
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighboursSettings
from genre_batch.model.estimators.neighbours import NeighboursSettings
from genre_batch.model.golden import check_probabilities, make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.settings import TextureKernelSettings
from genre_batch.model.open_predictor import EstimatorPredictor, open_predictor
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.model.write_bundle import write_bundle


def bundle(architecture: Architecture) -> Bundle:
    front_end = MfccFrontEnd(n_mfcc=6, segment_frames=40, segment_hop_frames=40)
    taxonomy = Taxonomy(genres=["blues", "disco", "jazz", "pop", "rock"])
    changes = {"architecture": architecture, "front_end": front_end, "taxonomy": taxonomy}
    return Bundle("here", MANIFEST.model_copy(update=changes), {})


def test_a_network_runs_on_torch() -> None:
    small = Bundle("here", MANIFEST, {"model.safetensors": weights_of(MANIFEST)})
    predictor = open_predictor(small, "cpu", "bf16")
    assert isinstance(predictor, Predictor)
    assert predictor.precision == "bf16"


def test_an_estimator_does_not() -> None:
    segments, labels = separable()
    settings = NeighboursSettings(k=3)
    weights = fit_estimator(settings, segments, labels, GENRES, seed=0).weights()
    opened = open_predictor(Bundle("here", bundle(settings).manifest, {"model.skops": weights}), "cuda")
    assert isinstance(opened, EstimatorPredictor)


@pytest.mark.parametrize(
    "architecture", [NeighboursSettings(), OnnxSettings(), HuggingFaceSettings(), TextureKernelSettings()]
)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_what_ignores_a_precision_runs_in_single_precision_only(
    architecture: Architecture, precision: Precision
) -> None:
    with pytest.raises(UsageError, match="fp32 only") as refused:
        open_predictor(bundle(architecture), "cpu", precision)
    assert refused.value.hint == "set predict.precision=fp32"


@pytest.mark.parametrize("settings", [ForestSettings(trees=5), GaussianNeighboursSettings()], ids=lambda s: str(s.name))
def test_it_answers_as_the_estimator_it_was_made_of(
    settings: ForestSettings | GaussianNeighboursSettings, tmp_path: Path
) -> None:
    manifest = BundleManifest(
        name="small",
        architecture=settings,
        front_end=MfccFrontEnd(n_mfcc=6, segment_frames=40, segment_hop_frames=40),
        taxonomy=Taxonomy(genres=["blues", "disco", "jazz", "pop", "rock"]),
    )
    segments, labels = separable()
    estimator = fit_estimator(settings, segments, labels, GENRES, seed=0)
    weights = {settings.weight_files[0]: estimator.weights()}
    draft = Bundle(str(tmp_path), manifest, weights)
    write_bundle(tmp_path, manifest, weights, make_golden(draft, EstimatorPredictor(draft)))
    bundle = load_bundle(str(tmp_path))
    predictor = open_predictor(bundle, device="auto")
    check_probabilities(bundle, predictor)
    assert np.array_equal(predictor.logits(segments), estimator.log_probabilities(segments))
    with pytest.raises(UsageError, match="runs in fp32 only"):
        open_predictor(bundle, precision="bf16")
