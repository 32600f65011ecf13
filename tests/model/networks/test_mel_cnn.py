"""The network of Giamatti and Smith, layer by layer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_bundle import fill_with_noise
from torch import nn

from genre_batch.model.networks.mel_cnn import MelCnn
from genre_batch.model.networks.settings import MelCnnSettings

GOLDEN = Path(__file__).parents[2] / "golden" / "mel_cnn.npz"


def test_the_layers_are_those_of_the_paper() -> None:
    network = MelCnn(MelCnnSettings(), 128, 1292, 8).eval()
    shapes: list[tuple[str, tuple[int, ...]]] = []

    def note(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        shapes.append((type(layer).__name__, tuple(output.shape[1:])))

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Linear):
            layer.register_forward_hook(note)
    with torch.inference_mode():
        network(torch.zeros(1, 1, 128, 1292))
    assert shapes == [
        ("Conv2d", (32, 128, 1292)),
        ("MaxPool2d", (32, 64, 323)),
        ("Conv2d", (64, 64, 323)),
        ("MaxPool2d", (64, 32, 80)),
        ("Conv2d", (128, 32, 80)),
        ("MaxPool2d", (128, 16, 20)),
        ("Conv2d", (256, 1, 1)),
        ("Linear", (8,)),
    ]


def test_its_dense_layer_is_fully_connected() -> None:
    network = MelCnn(MelCnnSettings(), 128, 1292, 8)
    dense = nn.Linear(128 * 16 * 20, 256)
    dense.weight.data = network.dense.weight.data.flatten(start_dim=1)
    dense.bias.data = network.dense.bias.data
    features = torch.randn(2, 128, 16, 20)
    with torch.inference_mode():
        torch.testing.assert_close(network.dense(features).flatten(1), dense(features.flatten(1)), rtol=1e-4, atol=1e-4)


def test_relu_after_pooling_equals_relu_before_it() -> None:
    network = MelCnn(MelCnnSettings(), 32, 256, 3).eval()
    convolution, pooling, relu = network.features[:3]
    features = convolution(torch.randn(2, 1, 32, 256))
    assert torch.equal(relu(pooling(features)), pooling(relu(features)))


@pytest.mark.parametrize(("n_mels", "frames", "genres"), [(8, 64, 2), (128, 128, 10), (40, 130, 3)])
def test_segments_of_any_size_give_one_row_of_logits_each(n_mels: int, frames: int, genres: int) -> None:
    network = MelCnn(MelCnnSettings(), n_mels, frames, genres).eval()
    assert network(torch.randn(3, 1, n_mels, frames)).shape == (3, genres)


@pytest.mark.parametrize(("n_mels", "frames"), [(7, 64), (8, 63)])
def test_too_small_segments_are_refused(n_mels: int, frames: int) -> None:
    with pytest.raises(ValueError, match="at least 8 bands and 64 frames"):
        MelCnn(MelCnnSettings(), n_mels, frames, 2)


def test_dropout_works_in_training_only() -> None:
    torch.manual_seed(0)
    network = MelCnn(MelCnnSettings(dropout=0.5), 8, 64, 2)
    segment = torch.randn(1, 1, 8, 64)
    assert not torch.equal(network(segment), network(segment))
    network.eval()
    assert torch.equal(network(segment), network(segment))


def test_answers_are_the_pinned_ones() -> None:
    """They were computed in double precision."""
    network = fill_with_noise(MelCnn(MelCnnSettings(dense_channels=16), 16, 128, 5))
    with np.load(GOLDEN, allow_pickle=False) as golden, torch.inference_mode():
        logits = network(torch.from_numpy(golden["segments"].astype(np.float32)))
        np.testing.assert_allclose(logits.numpy(), golden["logits"], rtol=1e-4, atol=1e-5)
