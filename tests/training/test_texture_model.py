"""The default recipe on made-up sounds: fitted, kept and scored alike."""

import numpy as np
import pytest

from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.model.architecture import TextureKernelSettings
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.taxonomy import Taxonomy
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fitted_model import answers_to
from genre_batch.training.texture_model import TextureModel, fit_textures

FRONT_END = LogMelFrontEnd(segment_frames=128, segment_hop_frames=128)
LABELS = np.arange(12) % 2


def tracks(seed: int) -> list[Pieces]:
    rng = np.random.default_rng(seed)
    noise = [rng.normal(-40.0, 12.0, (1, 128, 100 + 60 * number)) for number in range(12)]
    smooth = [each.cumsum(axis=1) / 8.0 if label else each for each, label in zip(noise, LABELS, strict=True)]
    return [each.astype(np.float16) for each in smooth]


def fitted(settings: TextureKernelSettings) -> TextureModel:
    return fit_textures(settings, FRONT_END, tracks(0), LABELS, 2, seed=3)


@pytest.mark.parametrize("support", [4000, 20])
def test_new_tracks_are_told_apart(support: int) -> None:
    model = fitted(TextureKernelSettings(support_segments=support))
    logits, rows = answers_to(model, tracks(1))
    assert (logits.argmax(axis=1) == LABELS[rows]).mean() > 0.9
    assert model.parameters == 3 * 748 + min(support, sum(1 + max(0, 60 * n - 28) // 64 for n in range(12))) * 750


def test_the_bundle_answers_as_the_model_that_was_measured() -> None:
    model = fitted(TextureKernelSettings())
    manifest = BundleManifest(
        name="textures",
        architecture=TextureKernelSettings(),
        front_end=FRONT_END,
        taxonomy=Taxonomy(genres=["rough", "smooth"]),
    )
    bundle = Bundle("here", manifest, {WEIGHTS_FILE: model.weights()[WEIGHTS_FILE]})
    segments = np.random.default_rng(2).normal(-40.0, 12.0, (5, 128, 128)).astype(np.float16)
    np.testing.assert_allclose(open_predictor(bundle, "cpu").logits(segments), model.logits(segments), atol=1e-5)


def test_the_same_seed_gives_the_same_weights() -> None:
    settings = TextureKernelSettings(support_segments=20)
    assert fitted(settings).weights() == fitted(settings).weights()
