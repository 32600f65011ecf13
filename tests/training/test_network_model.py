"""A network learns, is measured meanwhile, and answers in batches that do not change the result."""

import numpy as np
import torch
from safetensors.torch import load

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.training.fit import Optimisation
from genre_batch.training.fitted_model import FittedModel
from genre_batch.training.network_model import NetworkModel, fit_network

FRONT_END = LogMelFrontEnd(n_mels=128, segment_frames=128, segment_hop_frames=128)
SETTINGS = ShortCnnSettings(channels=2)
OPTIMISATION = Optimisation(epochs=3, batch_size=4)
LABELS = np.array([0, 1] * 3)
RNG = np.random.default_rng(0)
TRACKS = [RNG.normal(size=(1, 128, 140)).astype(np.float16) for _ in range(6)]


def test_a_network_is_trained_and_measured_while_it_learns() -> None:
    measured: list[FittedModel] = []

    def measure(model: FittedModel) -> float:
        measured.append(model)
        return model.logits(RNG.normal(size=(2, 128, 128)).astype(np.float16)).shape[1] / 2

    model = fit_network(
        SETTINGS, FRONT_END, OPTIMISATION, TRACKS, LABELS, 2, seed=0, progress=lambda *_: None, measure=measure
    )
    assert model.curves["held_out_accuracy"] == [1.0] * 3
    assert len(measured) == 3
    assert model.parameters == sum(tensor.numel() for tensor in model.network.parameters())
    kept = load(model.weights()["model.safetensors"])
    assert all(torch.equal(kept[name], tensor.cpu()) for name, tensor in model.network.state_dict().items())


def test_many_segments_are_answered_like_few() -> None:
    network = fit_network(SETTINGS, FRONT_END, OPTIMISATION, TRACKS, LABELS, 2, seed=0, progress=lambda *_: None)
    model = NetworkModel(network.network, FRONT_END)
    segments = RNG.normal(size=(200, 128, 128)).astype(np.float16)
    logits = model.logits(segments)
    assert logits.shape == (200, 2)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits[150:160], model.logits(segments[150:160]), atol=1e-4)
