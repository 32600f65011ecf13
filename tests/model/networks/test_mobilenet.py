"""MobileNet as transformers has it, but for what is around it."""

import sys

import pytest
import torch
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.architecture import MobileNetSettings
from genre_batch.model.networks.colour_map import ColourMap
from genre_batch.model.networks.mobilenet import MobileNet

SMALL = MobileNetSettings(depth_multiplier=0.1)


def test_the_backbone_sees_colours_from_minus_one_to_one() -> None:
    network = MobileNet(SMALL, 32, 32, 2).eval()
    seen: list[torch.Tensor] = []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pictures = torch.rand(2, 1, 32, 32)
    network(pictures)
    torch.testing.assert_close(seen[0] / 2 + 0.5, ColourMap()(pictures))
    assert seen[0].min() < -0.9


def test_answers_are_those_of_transformers_classifier() -> None:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    network = MobileNet(SMALL, 32, 32, 5).eval()
    theirs = MobileNetV2ForImageClassification(MobileNetV2Config(depth_multiplier=0.1, num_labels=5)).eval()
    theirs.mobilenet_v2.load_state_dict(network.backbone.state_dict())
    theirs.classifier.load_state_dict(network.output.state_dict())
    pictures = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        expected = theirs(2 * ColourMap()(pictures) - 1).logits
        torch.testing.assert_close(network(pictures), expected)


def test_scoring_goes_by_more_than_the_last_batch() -> None:
    """transformers' own momentum, 0.997, forgets all batches but the last."""
    network = MobileNet(SMALL, 32, 32, 2)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 52
    for norm in norms:
        before = norm.get_buffer("running_mean").clone()
        seen: list[torch.Tensor] = []
        hook = norm.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].mean(dim=(0, 2, 3))))
        network(torch.rand(4, 1, 32, 32))
        hook.remove()
        torch.testing.assert_close(norm.get_buffer("running_mean"), 0.9 * before + 0.1 * seen[0])


@pytest.mark.parametrize(("rows", "columns"), [(31, 31), (64, 32)])
def test_other_segments_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"square picture of at least 32 x 32, not {rows} x {columns}"):
        MobileNet(SMALL, rows, columns, 2)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="needs the library transformers") as caught:
        MobileNet(SMALL, 32, 32, 2)
    assert caught.value.hint == "pip install 'genre-batch[transformers]'"
