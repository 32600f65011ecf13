"""A network without its batch norms answers as it did with them."""

import copy

import pytest
import torch
from torch import nn

from genre_batch.model.architecture import Architecture, MelCnnSettings, ShortCnnSettings
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.fuse import fuse_batch_norm


def trained_a_little(architecture: Architecture) -> nn.Module:
    """A network whose running means and variances are not those it began with."""
    torch.manual_seed(0)
    network = build_network(architecture, 16, 64, 3)
    for _ in range(3):
        network(2.0 + 3.0 * torch.randn(8, 1, 16, 64))
    return network.eval()


@pytest.mark.parametrize("architecture", [ShortCnnSettings(channels=4), MelCnnSettings(dense_channels=4)])
def test_the_answers_stay(architecture: Architecture) -> None:
    network = trained_a_little(architecture)
    segments = torch.randn(5, 1, 16, 64)
    with torch.inference_mode():
        expected = network(segments)
        fused = fuse_batch_norm(copy.deepcopy(network))(segments)
    torch.testing.assert_close(fused, expected, rtol=1e-4, atol=1e-5)


def test_no_batch_norm_is_left() -> None:
    network = trained_a_little(ShortCnnSettings(channels=4))
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    fused = fuse_batch_norm(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
