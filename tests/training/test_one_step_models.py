"""Estimators and the texture kernel learn from the segments of each track, and their files can be loaded."""

import numpy as np
import pytest
import torch

from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.segments import cut_segments
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.estimators.neighbours import NeighboursSettings
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.settings import TextureKernelSettings
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fitted_model import segment_logits
from genre_batch.training.one_step_models import TextureModel, fit_textures, fit_to_segments

DESCRIPTORS = DescriptorFrontEnd(columns=["rms_mean", "rms_var"], mean=[1.0, 2.0], std=[2.0, 4.0])
SETTINGS = NeighboursSettings(k=1)


def test_segments_have_the_label_of_their_track() -> None:
    rng = np.random.default_rng(0)
    tracks = [rng.normal(5 * label, 1.0, (n, 2, 1)).astype(np.float32) for label, n in ((0, 3), (1, 1), (0, 2))]
    model = fit_to_segments(SETTINGS, DESCRIPTORS, tracks, np.array([0, 1, 0]), 2, seed=0)
    centre, scale = np.array([1.0, 2.0])[None, :, None], np.array([2.0, 4.0])[None, :, None]
    segments = ((np.concatenate(tracks) - centre) / scale).astype(np.float32)
    logits = model.logits(segments)
    assert logits.argmax(axis=1).tolist() == [0, 0, 0, 1, 0, 0]
    [(name, data)] = model.weights().items()
    assert name == "model.skops"
    loaded = SETTINGS.load(data, (2, 1), 2)
    np.testing.assert_array_equal(loaded.log_probabilities(segments), logits)
    assert (model.parameters, model.curves) == (loaded.parameters, {})


LOG_MEL = LogMelFrontEnd(segment_frames=128, segment_hop_frames=128)
LABELS = np.arange(12) % 2


def tracks(seed: int) -> list[Pieces]:
    rng = np.random.default_rng(seed)
    noise = [rng.normal(-40.0, 12.0, (1, 128, 100 + 60 * number)) for number in range(12)]
    smooth = [each.cumsum(axis=1) / 8.0 if label else each for each, label in zip(noise, LABELS, strict=True)]
    return [each.astype(np.float16) for each in smooth]


def fitted(settings: TextureKernelSettings) -> TextureModel:
    return fit_textures(settings, LOG_MEL, tracks(0), LABELS, 2, seed=3)


@pytest.mark.parametrize("support", [4000, 20])
def test_new_tracks_are_classified(support: int) -> None:
    model = fitted(TextureKernelSettings(support_segments=support))
    logits, rows = segment_logits(model, tracks(1))
    assert (logits.argmax(axis=1) == LABELS[rows]).mean() > 0.9
    assert model.parameters == 3 * 748 + min(support, sum(1 + max(0, 60 * n - 28) // 64 for n in range(12))) * 750


def test_the_bundle_answers_as_the_model_that_was_measured() -> None:
    model = fitted(TextureKernelSettings())
    manifest = BundleManifest(
        name="textures",
        architecture=TextureKernelSettings(),
        front_end=LOG_MEL,
        taxonomy=Taxonomy(genres=["rough", "smooth"]),
    )
    bundle = Bundle("here", manifest, {WEIGHTS_FILE: model.weights()[WEIGHTS_FILE]})
    segments = np.random.default_rng(2).normal(-40.0, 12.0, (5, 128, 128)).astype(np.float16)
    np.testing.assert_allclose(open_predictor(bundle, "cpu").logits(segments), model.logits(segments), atol=1e-5)


def test_the_same_seed_gives_the_same_weights() -> None:
    settings = TextureKernelSettings(support_segments=20)
    assert fitted(settings).weights() == fitted(settings).weights()


def test_together_the_segments_of_a_track_weigh_the_root_of_their_number() -> None:
    model, material = fitted(TextureKernelSettings()), tracks(0)
    cut = [cut_segments(pieces[0].astype(np.float32), 128, 64) for pieces in material]
    counts = np.array([len(segments) for segments in cut])
    assert len(set(counts)) > 5
    means = [model.network.textures(torch.from_numpy(segments.copy())[:, None]).mean(dim=0) for segments in cut]
    expected = np.average(np.stack(means), axis=0, weights=counts**0.5)
    stored = model.network.state_dict()["mean"].numpy()
    np.testing.assert_allclose(stored, expected, rtol=2e-3, atol=2e-3)
