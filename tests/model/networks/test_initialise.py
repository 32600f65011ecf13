"""Pretrained weights are put in where the settings ask for them, and nowhere else."""

from pathlib import Path

import pytest
import torch
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.architecture import MobileNetSettings, Network, ShortCnnSettings
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.initialise import initialise

NOWHERE = "/no/such/weights"


def weights_of(network: nn.Module) -> list[torch.Tensor]:
    return [array.clone() for array in network.state_dict().values()]


@pytest.mark.parametrize(
    "architecture",
    [ShortCnnSettings(channels=4), MobileNetSettings(depth_multiplier=0.1, pretrained=False, weights=NOWHERE)],
    ids=["short_cnn", "mobilenet"],
)
def test_the_others_stay_as_they_are(architecture: Network) -> None:
    network = build_network(architecture, 32, 32, 2)
    before = weights_of(network)
    initialise(network, architecture)
    assert all(torch.equal(old, new) for old, new in zip(before, weights_of(network), strict=True))


def test_a_mobilenet_starts_from_the_weights_of_its_settings(tmp_path: Path) -> None:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    pretrained = MobileNetV2ForImageClassification(MobileNetV2Config(depth_multiplier=0.1))
    pretrained.save_pretrained(tmp_path)
    architecture = MobileNetSettings(depth_multiplier=0.1, weights=str(tmp_path))
    network = build_network(architecture, 32, 32, 2)
    initialise(network, architecture)
    stem = pretrained.mobilenet_v2.conv_stem.first_conv.convolution.weight
    assert torch.equal(network.get_parameter("backbone.conv_stem.first_conv.convolution.weight"), stem)


def test_weights_that_cannot_be_had_are_named() -> None:
    architecture = MobileNetSettings(depth_multiplier=0.1, weights=NOWHERE)
    with pytest.raises(UsageError, match=NOWHERE):
        initialise(build_network(architecture, 32, 32, 2), architecture)
