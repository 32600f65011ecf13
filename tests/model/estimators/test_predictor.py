"""A bundle of an estimator, opened as any other."""

from pathlib import Path

import numpy as np
import pytest
from separable import GENRES, separable

from genre_batch.errors import UsageError
from genre_batch.features.front_end import MfccFrontEnd
from genre_batch.model.architecture import ForestSettings, GaussianNeighboursSettings, weight_files
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.estimators.fit import fit_estimator
from genre_batch.model.estimators.predictor import EstimatorPredictor
from genre_batch.model.golden import check_probabilities, make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.taxonomy import Taxonomy
from genre_batch.model.write_bundle import write_bundle


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
    weights = {weight_files(settings)[0]: estimator.weights()}
    draft = Bundle(str(tmp_path), manifest, weights)
    write_bundle(tmp_path, manifest, weights, make_golden(draft, EstimatorPredictor(draft)))
    bundle = load_bundle(str(tmp_path))
    predictor = open_predictor(bundle, device="auto")
    check_probabilities(bundle, predictor)
    assert np.array_equal(predictor.logits(segments), estimator.log_probabilities(segments))
    with pytest.raises(UsageError, match="runs in fp32 only"):
        open_predictor(bundle, precision="bf16")
