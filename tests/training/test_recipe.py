"""Models of both families answer through the cutting and standardisation that their bundle's front end applies."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.model.architecture import Trainable
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.networks.settings import (
    DescriptorMlpSettings,
    MfccMlpSettings,
    MobileNetSettings,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    TextureKernelSettings,
    WaveletFusionSettings,
)
from genre_batch.training.augment import Augmentation
from genre_batch.training.dataset import as_pieces
from genre_batch.training.fit import Optimisation
from genre_batch.training.fitted_model import FittedModel, segment_logits
from genre_batch.training.recipe import Recipe, check_recipe, fit_model

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=16)
DESCRIPTORS = DescriptorFrontEnd(columns=["rms_mean", "rms_var"])
QUICK = Optimisation(epochs=1, batch_size=4)
NETWORK = Recipe(ShortCnnSettings(channels=2), FRONT_END, QUICK, genres=["one", "two"])
FOREST = Recipe(ForestSettings(trees=3), FRONT_END, None, genres=["one", "two"])
LABELS = np.array([0, 1] * 3, np.int64)


def sound(seed: int, seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, round(seconds * 22_050)).astype(np.float32)


def tracks() -> list[np.ndarray]:
    return [as_pieces(FRONT_END.whole().segments(sound(seed)), FRONT_END) for seed in range(6)]


def fitted(recipe: Recipe = NETWORK) -> FittedModel:
    return fit_model(recipe, tracks(), LABELS, seed=0, progress=lambda epoch, loss: None)


@pytest.mark.parametrize("recipe", [NETWORK, FOREST], ids=["network", "estimator"])
def test_answers_equal_those_to_the_segments_that_scoring_cuts(recipe: Recipe) -> None:
    model = fitted(recipe)
    logits, rows = segment_logits(model, tracks()[:2])
    scored = model.front_end.segments(sound(0))
    np.testing.assert_array_equal(np.bincount(rows), [len(scored)] * 2)
    # Training keeps decibels in half precision: 0.03 dB of some 6 dB of standard deviation.
    np.testing.assert_allclose(logits[rows == 0], model.logits(scored), atol=0.05)
    assert model.parameters > 0
    assert list(model.weights()) == (["model.safetensors"] if recipe is NETWORK else ["model.skops"])
    assert list(model.curves) == (["train_loss"] if recipe is NETWORK else [])


def test_standardisation_is_learned_from_the_tracks_given_or_left_out() -> None:
    model = fitted()
    frames = np.concatenate([pieces[0] for pieces in tracks()], axis=1).astype(np.float64)
    np.testing.assert_allclose(model.front_end.mean, frames.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(model.front_end.std, frames.std(axis=1), rtol=1e-6)
    assert FRONT_END.mean == []
    plain = Recipe(NETWORK.architecture, FRONT_END, QUICK, genres=["one", "two"], standardise=False)
    assert fitted(plain).front_end == FRONT_END


@pytest.mark.parametrize("recipe", [NETWORK, FOREST], ids=["network", "estimator"])
def test_fitting_is_reproducible_and_leaves_the_global_generator_alone(recipe: Recipe) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check_recipe(recipe)
    first = fitted(recipe)
    assert torch.equal(torch.rand(3), expected)
    assert first.weights() == fitted(recipe).weights()


@pytest.mark.parametrize(
    ("architecture", "front_end", "optimisation", "words"),
    [
        (ShortCnnSettings(), LogMelFrontEnd(mean=[0.0] * 128, std=[1.0] * 128), QUICK, "are learned"),
        (ShortCnnSettings(), LogMelFrontEnd(n_mels=8), QUICK, "at least 16 bands"),
        (
            DescriptorMlpSettings(),
            DESCRIPTORS,
            Optimisation(augmentation=Augmentation(shift_bands=1)),
            "only mixup makes sense",
        ),
        (MobileNetSettings(), FRONT_END, QUICK, "needs the front end image"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_read(
    architecture: Trainable, front_end: LogMelFrontEnd | DescriptorFrontEnd, optimisation: Optimisation, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        check_recipe(Recipe(architecture, front_end, optimisation, genres=["one", "two"]))


def test_pretrained_weights_that_cannot_be_loaded_are_reported_at_once(tmp_path: Path) -> None:
    architecture = MobileNetSettings(weights=str(tmp_path))
    with pytest.raises(UsageError, match="cannot be loaded"):
        check_recipe(Recipe(architecture, ImageFrontEnd(size=32), QUICK, genres=["one", "two"], standardise=False))


@pytest.mark.parametrize(
    ("architecture", "front_end", "standardise"),
    [
        (TextureKernelSettings(), LogMelFrontEnd(), True),
        (TextureKernelSettings(), MfccFrontEnd(), False),
        (MfccMlpSettings(), MfccFrontEnd(), True),
        (SpectrogramCnnSettings(), LogMelFrontEnd(), False),
        (SpectrogramCnnSettings(), ImageFrontEnd(), True),
        (WaveletFusionSettings(), ImageFrontEnd(images=["scalogram", "spectrogram"]), False),
    ],
)
def test_other_numbers_than_a_classifier_is_made_for_are_refused(
    architecture: Trainable, front_end: FrontEnd, standardise: bool
) -> None:
    with pytest.raises(UsageError, match="needs"):
        check_recipe(Recipe(architecture, front_end, None, genres=["one", "two"], standardise=standardise))
