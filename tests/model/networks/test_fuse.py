"""A network without its batch norms answers as it did with them."""

import copy

import pytest
import torch
from torch import nn

from genre_batch.model.architecture import (
    MelCnnSettings,
    MfccCnnSettings,
    MobileNetSettings,
    Network,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    WaveletFusionSettings,
)
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.fuse import fuse_batch_norm

WITH_NEIGHBOURS: list[tuple[Network, int, int]] = [
    (ShortCnnSettings(channels=4), 16, 64),
    (SpectrogramCnnSettings(channels=4), 32, 32),
    (WaveletFusionSettings(channels=4), 64, 32),
]
OTHERS: list[tuple[Network, int, int]] = [
    (MelCnnSettings(dense_channels=4), 16, 64),
    (MfccCnnSettings(channels=4), 13, 32),
    (MobileNetSettings(depth_multiplier=0.1), 32, 32),
]


def trained_a_little(architecture: Network, rows: int, columns: int) -> nn.Module:
    """A network whose running means and variances are not those it began with."""
    torch.manual_seed(0)
    network = build_network(architecture, rows, columns, 3)
    for _ in range(3):
        network(2.0 + 3.0 * torch.randn(8, 1, rows, columns))
    return network.eval()


@pytest.mark.parametrize(("architecture", "rows", "columns"), WITH_NEIGHBOURS + OTHERS)
def test_the_answers_stay(architecture: Network, rows: int, columns: int) -> None:
    network = trained_a_little(architecture, rows, columns)
    segments = torch.randn(5, 1, rows, columns)
    with torch.inference_mode():
        expected = network(segments)
        fused = fuse_batch_norm(copy.deepcopy(network))(segments)
    torch.testing.assert_close(fused, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("architecture", "rows", "columns"), WITH_NEIGHBOURS)
def test_no_batch_norm_is_left(architecture: Network, rows: int, columns: int) -> None:
    network = trained_a_little(architecture, rows, columns)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    fused = fuse_batch_norm(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())


def test_relu_writes_over_what_came_before_it_and_never_over_the_input() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 3), nn.ReLU()).eval()
    first, _, last = fuse_batch_norm(network)
    assert (first.inplace, last.inplace) == (False, True)
