"""What holds for every network, whatever its layers."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.networks.build import build_network, initialise
from genre_batch.model.networks.settings import (
    DescriptorMlpSettings,
    MelCnnSettings,
    MfccCnnSettings,
    MfccMlpSettings,
    MobileNetSettings,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    TrainedNetwork,
    TrainedNetworkSettings,
    WaveletFusionSettings,
)

SMALL: list[tuple[TrainedNetworkSettings, int, int]] = [
    (MelCnnSettings(dense_channels=8), 16, 64),
    (ShortCnnSettings(channels=4), 16, 64),
    (MfccCnnSettings(channels=8, dense_units=16), 13, 130),
    (MfccMlpSettings(values=250, hidden_units=16), 20, 13),
    (DescriptorMlpSettings(hidden_units=[32, 16]), 57, 1),
    (SpectrogramCnnSettings(channels=4, dense_units=8), 64, 64),
    (MobileNetSettings(depth_multiplier=0.1), 64, 64),
    (WaveletFusionSettings(channels=4, dense_units=8), 64, 32),
]
ALL = pytest.mark.parametrize(("settings", "rows", "columns"), SMALL, ids=lambda value: getattr(value, "name", ""))


def build(settings: TrainedNetworkSettings, rows: int, columns: int, n_genres: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return build_network(settings, rows, columns, n_genres)


def two_genres(n: int, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments [n, 1, rows, columns] of 0 to 1, brighter at the top or at the bottom, and which."""
    labels = torch.arange(n) % 2
    slope = torch.linspace(0.0, 0.7, rows).expand(n, rows)
    bright = torch.where(labels[:, None] == 0, slope, slope.flip(1))
    return bright[:, None, :, None] + 0.3 * torch.rand(n, 1, rows, columns), labels


def test_no_network_is_left_out() -> None:
    assert {type(settings) for settings, _, _ in SMALL} == set(get_args(TrainedNetwork))


@ALL
def test_the_settings_choose_the_network(settings: TrainedNetworkSettings, rows: int, columns: int) -> None:
    network = build(settings, rows, columns).eval()
    assert type(network).__name__.lower() == settings.name.replace("_", "")
    logits = network(torch.rand(2, 1, rows, columns))
    assert logits.shape == (2, 3)
    assert torch.isfinite(logits).all()


@ALL
def test_the_same_seed_gives_the_same_answers(settings: TrainedNetworkSettings, rows: int, columns: int) -> None:
    segments = torch.rand(2, 1, rows, columns)
    answers = [build(settings, rows, columns).eval()(segments) for _ in range(2)]
    assert torch.equal(*answers)


@ALL
def test_every_parameter_learns(settings: TrainedNetworkSettings, rows: int, columns: int) -> None:
    network = build(settings, rows, columns)
    segments, labels = two_genres(16, rows, columns)
    nn.functional.cross_entropy(network(segments), labels).backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert still == []


@ALL
def test_two_genres_are_distinguished(settings: TrainedNetworkSettings, rows: int, columns: int) -> None:
    network = build(settings, rows, columns, n_genres=2)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        segments, labels = two_genres(16, rows, columns)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(segments), labels).backward()
        optimiser.step()
    segments, labels = two_genres(40, rows, columns)
    with torch.inference_mode():
        right = network.eval()(segments).argmax(dim=1) == labels
    # sixty steps are few for a network as deep as MobileNet, and the result depends on the CPU's rounding
    assert right.float().mean() >= (0.7 if isinstance(settings, MobileNetSettings) else 0.95)


@ALL
def test_the_other_segments_of_a_batch_do_not_matter_when_scoring(
    settings: TrainedNetworkSettings, rows: int, columns: int
) -> None:
    network = build(settings, rows, columns).eval()
    segments = torch.rand(5, 1, rows, columns)
    with torch.inference_mode():
        torch.testing.assert_close(network(segments)[2:3], network(segments[2:3]), atol=1e-5, rtol=1e-5)


@ALL
def test_answers_do_not_depend_on_the_layout_in_memory(
    settings: TrainedNetworkSettings, rows: int, columns: int
) -> None:
    network = build(settings, rows, columns).eval()
    segments = torch.rand(3, 1, rows, columns)
    with torch.inference_mode():
        expected = network(segments)
        torch.testing.assert_close(
            network.to(memory_format=torch.channels_last)(segments), expected, atol=1e-4, rtol=1e-4
        )


@ALL
def test_its_weights_survive_a_bundle(settings: TrainedNetworkSettings, rows: int, columns: int) -> None:
    network = build(settings, rows, columns)
    network(torch.rand(4, 1, rows, columns))
    restored = build_network(settings, rows, columns, 3)
    restored.load_state_dict(load(save(network.state_dict())))
    segments = torch.rand(2, 1, rows, columns)
    assert torch.equal(network.eval()(segments), restored.eval()(segments))


NOWHERE = "/no/such/weights"


def weights_of(network: nn.Module) -> list[torch.Tensor]:
    return [array.clone() for array in network.state_dict().values()]


@pytest.mark.parametrize(
    "settings",
    [ShortCnnSettings(channels=4), MobileNetSettings(depth_multiplier=0.1, pretrained=False, weights=NOWHERE)],
    ids=["short_cnn", "mobilenet"],
)
def test_other_networks_keep_their_random_weights(settings: TrainedNetworkSettings) -> None:
    network = build_network(settings, 32, 32, 2)
    before = weights_of(network)
    initialise(network)
    assert all(torch.equal(old, new) for old, new in zip(before, weights_of(network), strict=True))


def test_a_mobilenet_starts_from_the_weights_of_its_settings(tmp_path: Path) -> None:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    pretrained = MobileNetV2ForImageClassification(MobileNetV2Config(depth_multiplier=0.1))
    pretrained.save_pretrained(tmp_path)
    settings = MobileNetSettings(depth_multiplier=0.1, weights=str(tmp_path))
    network = build_network(settings, 32, 32, 2)
    initialise(network)
    stem = pretrained.mobilenet_v2.conv_stem.first_conv.convolution.weight
    assert torch.equal(network.get_parameter("backbone.conv_stem.first_conv.convolution.weight"), stem)


def test_weights_that_cannot_be_loaded_are_named() -> None:
    settings = MobileNetSettings(depth_multiplier=0.1, weights=NOWHERE)
    with pytest.raises(UsageError, match=NOWHERE):
        initialise(build_network(settings, 32, 32, 2))
