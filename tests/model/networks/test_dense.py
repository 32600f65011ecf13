"""Networks of dense layers: their layers, and their input prepared as the source does."""

import numpy as np
import pytest
import torch
from torch import nn

from genre_batch.model.networks.dense import DescriptorMlp, MfccMlp
from genre_batch.model.networks.settings import DescriptorMlpSettings, MfccMlpSettings


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


SETTINGS = MfccMlpSettings(values=250, hidden_units=16)


def network() -> MfccMlp:
    torch.manual_seed(0)
    return MfccMlp(SETTINGS, 20, 13, 3).eval()


def test_the_values_are_prepared_as_the_source_does() -> None:
    mfcc = np.random.default_rng(0).normal(-20.0, 100.0, (2, 20, 13)).astype(np.float32)
    mfcc[:, 0, 0] = -900.0  # the largest lies among those picked, as the energy of real music does
    net = network()
    prepared = np.stack([(example / np.amax(np.absolute(example))).flatten()[:250] for example in mfcc])
    with torch.inference_mode():
        expected = net.output(torch.relu(net.dense(torch.from_numpy(prepared))))
        torch.testing.assert_close(net(torch.from_numpy(mfcc)[:, None]), expected)


def test_the_values_left_out_do_not_matter() -> None:
    segments = torch.randn(1, 1, 20, 13)
    other = segments.clone()
    other.flatten()[250:] = 1e6
    assert torch.equal(network()(segments), network()(other))


def test_each_segment_is_divided_by_its_own_largest() -> None:
    segments = torch.randn(2, 1, 20, 13)
    louder = segments * torch.tensor([1.0, 50.0]).reshape(2, 1, 1, 1)
    torch.testing.assert_close(network()(louder), network()(segments))


def test_a_segment_of_zeros_has_an_answer() -> None:
    assert torch.isfinite(network()(torch.zeros(1, 1, 20, 13))).all()


def test_it_has_the_sources_size() -> None:
    parameters = sum(p.numel() for p in MfccMlp(MfccMlpSettings(), 20, 1293, 10).parameters())
    assert parameters == 25_000 * 100 + 100 + 100 * 10 + 10


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="25000 MFCC values, not 20 x 1249 = 24980"):
        MfccMlp(MfccMlpSettings(), 20, 1249, 10)
