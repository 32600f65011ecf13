"""The predictor of each family, and what is refused before it is built."""

import pytest
from separable import GENRES, separable
from small_bundle import MANIFEST, weights_of

from genre_batch.errors import UsageError
from genre_batch.features.front_end import MfccFrontEnd
from genre_batch.model.architecture import Architecture, HuggingFaceSettings, NeighboursSettings, OnnxSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.devices import Precision
from genre_batch.model.estimators.fit import fit_estimator
from genre_batch.model.estimators.predictor import EstimatorPredictor
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.predictor import Predictor
from genre_batch.model.taxonomy import Taxonomy


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


@pytest.mark.parametrize("architecture", [NeighboursSettings(), OnnxSettings(), HuggingFaceSettings()])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_other_families_run_in_single_precision_only(architecture: Architecture, precision: Precision) -> None:
    with pytest.raises(UsageError, match="fp32 only"):
        open_predictor(bundle(architecture), "cpu", precision)
