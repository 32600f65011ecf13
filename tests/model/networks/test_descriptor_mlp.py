"""Seed 000's network: its layers."""

import pytest
import torch
from torch import nn

from genre_batch.model.architecture import DescriptorMlpSettings
from genre_batch.model.networks.descriptor_mlp import DescriptorMlp


@pytest.mark.parametrize("hidden", [[512, 256, 128, 64], [7]])
def test_its_layers_have_the_sizes_of_the_settings(hidden: list[int]) -> None:
    network = DescriptorMlp(DescriptorMlpSettings(hidden_units=hidden), 57, 1, 10)
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert [layer.in_features for layer in dense] == [57, *hidden]
    assert [layer.out_features for layer in dense] == [*hidden, 10]


def test_between_the_dense_layers_are_relu_and_dropout_and_none_after_the_last() -> None:
    network = DescriptorMlp(DescriptorMlpSettings(hidden_units=[4, 3], dropout=0.4), 57, 1, 2)
    leaves = [layer for layer in network.modules() if not list(layer.children())]
    names = [type(layer).__name__ for layer in leaves]
    assert names == ["Flatten", *["Linear", "ReLU", "Dropout"] * 2, "Linear"]
    assert {layer.p for layer in leaves if isinstance(layer, nn.Dropout)} == {0.4}


def test_dropout_works_in_training_only() -> None:
    torch.manual_seed(0)
    network = DescriptorMlp(DescriptorMlpSettings(dropout=0.5), 57, 1, 2)
    segment = torch.randn(1, 1, 57, 1)
    assert not torch.equal(network(segment), network(segment))
    network.eval()
    assert torch.equal(network(segment), network(segment))
