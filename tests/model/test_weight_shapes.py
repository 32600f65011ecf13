"""What is said of the weights of each network is what the network has."""

from typing import get_args

import pytest

from genre_batch.model.architecture import (
    AnyNetwork,
    DescriptorMlpSettings,
    MelCnnSettings,
    MfccCnnSettings,
    MfccMlpSettings,
    MobileNetSettings,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    TextureKernelSettings,
    WaveletFusionSettings,
)
from genre_batch.model.networks.build import build_network
from genre_batch.model.weight_shapes import weight_shapes

NETWORKS: list[tuple[AnyNetwork, int, int]] = [
    (MelCnnSettings(dense_channels=8), 16, 64),
    (MelCnnSettings(), 45, 300),
    (ShortCnnSettings(channels=3), 16, 17),
    (MfccCnnSettings(channels=5, dense_units=7), 13, 130),
    (MfccCnnSettings(), 20, 51),
    (MfccMlpSettings(values=250, hidden_units=16), 20, 13),
    (DescriptorMlpSettings(hidden_units=[9]), 57, 1),
    (DescriptorMlpSettings(), 29, 2),
    (SpectrogramCnnSettings(channels=3, dense_units=8), 47, 47),
    (SpectrogramCnnSettings(), 64, 64),
    (WaveletFusionSettings(channels=3, dense_units=8), 94, 47),
    (MobileNetSettings(depth_multiplier=0.1), 32, 32),
    (TextureKernelSettings(), 64, 128),
    (TextureKernelSettings(), 96, 256),
]


def test_no_network_is_left_out() -> None:
    assert {type(architecture) for architecture, _, _ in NETWORKS} == set(get_args(AnyNetwork))


@pytest.mark.parametrize(("architecture", "rows", "columns"), NETWORKS, ids=lambda value: getattr(value, "name", ""))
def test_names_and_shapes_are_those_of_the_network(architecture: AnyNetwork, rows: int, columns: int) -> None:
    state = build_network(architecture, rows, columns, 3).state_dict()
    told = weight_shapes(architecture, rows, columns, 3)
    if isinstance(architecture, MobileNetSettings):
        state = {name: tensor for name, tensor in state.items() if name.startswith("output.")}
    assert told.keys() == state.keys()
    for name, shape in told.items():
        lengths = zip(state[name].shape, shape, strict=True)
        assert all(have == want or isinstance(want, str) for have, want in lengths), name
