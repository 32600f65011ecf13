"""A model answers through the same cutting and standardisation that its bundle's front end applies."""

import numpy as np
import torch

from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.features.segments_of import segments_of
from genre_batch.model.architecture import ShortCnnSettings
from genre_batch.training.dataset import whole_spectrogram
from genre_batch.training.fit import Optimisation, segment_logits
from genre_batch.training.recipe import FittedModel, Recipe, fit_model

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=16)
RECIPE = Recipe(ShortCnnSettings(channels=2), FRONT_END, Optimisation(epochs=1, batch_size=4), n_genres=2)
LABELS = np.array([0, 1] * 3, np.int64)


def sound(seed: int, seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, round(seconds * 22_050)).astype(np.float32)


def spectrograms() -> list[np.ndarray]:
    whole = whole_spectrogram(FRONT_END)
    return [np.ascontiguousarray(segments_of(sound(seed), whole)[:, :, 0].T) for seed in range(6)]


def fitted() -> FittedModel:
    return fit_model(RECIPE, spectrograms(), LABELS, seed=0, progress=lambda epoch, loss: None)


def test_answers_equal_those_to_the_segments_that_scoring_cuts() -> None:
    model = fitted()
    logits, rows = model.answer(spectrograms()[:2])
    scored = segments_of(sound(0), model.front_end)
    np.testing.assert_array_equal(np.bincount(rows), [len(scored)] * 2)
    # Training keeps decibels in half precision: 0.03 dB of some 6 dB of standard deviation.
    np.testing.assert_allclose(logits[rows == 0], segment_logits(model.network, scored), atol=0.05)


def test_standardisation_is_learned_from_the_tracks_given() -> None:
    model = fitted()
    frames = np.concatenate(spectrograms(), axis=1).astype(np.float64)
    np.testing.assert_allclose(model.front_end.mean, frames.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(model.front_end.std, frames.std(axis=1), rtol=1e-6)
    assert FRONT_END.mean == []


def test_fitting_repeats_itself_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = fitted()
    assert torch.equal(torch.rand(3), expected)
    again = fitted()
    assert torch.equal(first.network.state_dict()["output.weight"], again.network.state_dict()["output.weight"])
