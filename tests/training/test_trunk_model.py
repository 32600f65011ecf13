"""A head learns from the trunk's values; the bundle answers as the model that was measured."""

import numpy as np
import pytest

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.training import trunk_model
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fitted_model import segment_logits
from genre_batch.training.trunk_model import TrunkModel, TrunkValues, fit_trunk

FRONT_END = LogMelFrontEnd(
    sample_rate=16_000, n_fft=512, hop_length=256, n_mels=96, segment_frames=64, segment_hop_frames=64
)
LABELS = np.arange(8) % 2
GENRES = ["jazz", "polka"]


def tracks(seed: int) -> list[Pieces]:
    """Noise, and every second track smooth over its bands; one to three segments each."""
    rng = np.random.default_rng(seed)
    noise = [rng.normal(-40.0, 12.0, (1, 96, 64 * (1 + number % 3))) for number in range(8)]
    smooth = [each.cumsum(axis=1) / 8.0 if label else each for each, label in zip(noise, LABELS, strict=True)]
    return [each.astype(np.float16) for each in smooth]


@pytest.fixture(scope="module")
def model() -> TrunkModel:
    return fit_trunk(TrunkSettings(), FRONT_END, tracks(0), LABELS, GENRES, seed=0)


def test_new_tracks_are_classified(model: TrunkModel) -> None:
    logits, rows = segment_logits(model, tracks(1))
    assert (logits.argmax(axis=1) == LABELS[rows]).mean() > 0.9
    assert model.parameters == 2 * 200 + 2


def test_the_bundle_answers_as_the_model_that_was_measured(model: TrunkModel) -> None:
    manifest = BundleManifest(
        name="trunk", architecture=TrunkSettings(), front_end=FRONT_END, taxonomy=Taxonomy(genres=GENRES)
    )
    bundle = Bundle("here", manifest, {WEIGHTS_FILE: model.weights()[WEIGHTS_FILE]})
    segments = np.random.default_rng(2).normal(-40.0, 12.0, (5, 96, 64)).astype(np.float16)
    expected = model.logits(segments)
    np.testing.assert_allclose(open_predictor(bundle, "cpu").logits(segments), expected, atol=1e-4)
    onnx = pytest.importorskip("onnxruntime") and open_predictor(bundle, "cpu", runtime="onnx")
    np.testing.assert_allclose(onnx.logits(segments), expected, atol=1e-3)


def test_the_same_tracks_give_the_same_weights(model: TrunkModel) -> None:
    again = fit_trunk(TrunkSettings(), FRONT_END, tracks(0), LABELS, GENRES, seed=0)
    assert again.weights() == model.weights()


def test_together_the_segments_of_a_track_weigh_the_root_of_their_number(model: TrunkModel) -> None:
    values = [trunk_model.trunk_values().of(pieces[0].reshape(96, -1, 64).transpose(1, 0, 2)) for pieces in tracks(0)]
    expected = np.average([each.mean(axis=0) for each in values], axis=0, weights=[len(each) ** 0.5 for each in values])
    np.testing.assert_allclose(model.network.mean.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_segment_goes_through_the_trunk_once() -> None:
    values, seen = TrunkValues(), list[int]()
    values._network.trunk.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    segments = np.random.default_rng(2).normal(-40.0, 12.0, (3, 96, 64)).astype(np.float16)
    first = values.of(segments[:2])
    np.testing.assert_array_equal(values.of(segments[::-1])[::-1][:2], first)
    assert seen == [2, 1]
