"""An estimator learns from all segments of each track, with the track's label, and its file can be loaded."""

import numpy as np

from genre_batch.features.front_end import DescriptorFrontEnd
from genre_batch.model.architecture import NeighboursSettings
from genre_batch.model.estimators.load import load_estimator
from genre_batch.training.estimator_model import fit_to_segments

FRONT_END = DescriptorFrontEnd(columns=["rms_mean", "rms_var"], mean=[1.0, 2.0], std=[2.0, 4.0])
SETTINGS = NeighboursSettings(k=1)


def test_segments_have_the_label_of_their_track() -> None:
    rng = np.random.default_rng(0)
    tracks = [rng.normal(5 * label, 1.0, (n, 2, 1)).astype(np.float32) for label, n in ((0, 3), (1, 1), (0, 2))]
    model = fit_to_segments(SETTINGS, FRONT_END, tracks, np.array([0, 1, 0]), 2, seed=0)
    centre, scale = np.array([1.0, 2.0])[None, :, None], np.array([2.0, 4.0])[None, :, None]
    segments = ((np.concatenate(tracks) - centre) / scale).astype(np.float32)
    logits = model.logits(segments)
    assert logits.argmax(axis=1).tolist() == [0, 0, 0, 1, 0, 0]
    [(name, data)] = model.weights().items()
    assert name == "model.skops"
    loaded = load_estimator(SETTINGS, data, 2, 1, 2)
    np.testing.assert_array_equal(loaded.log_probabilities(segments), logits)
    assert (model.parameters, model.curves) == (loaded.parameters, {})
