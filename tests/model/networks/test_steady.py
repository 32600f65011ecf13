import pytest
import torch
from torch import nn

from genre_batch.model.networks.steady import SteadyLinear, make_steady


@pytest.mark.parametrize("bias", [True, False])
def test_answers_are_those_of_the_layer(bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(64, 10, bias=bias)
    inputs = torch.randn(7, 64)
    steady = SteadyLinear(linear)(inputs)
    assert steady.dtype == torch.float32
    torch.testing.assert_close(steady, linear(inputs).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 3), (64, 10), (640, 100)])
def test_an_answer_has_the_same_bits_wherever_it_stands(inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    layer, batch = SteadyLinear(nn.Linear(inputs, outputs)), torch.randn(16, inputs)
    answers = layer(batch)
    for shift in range(1, 16):
        assert torch.equal(layer(torch.roll(batch, shift, 0)), torch.roll(answers, shift, 0))


def test_dense_layers_are_found_wherever_they_are() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    inputs = torch.ones(1, 4)
    expected = network(inputs).detach()
    steady = make_steady(network.eval())
    assert not any(isinstance(module, nn.Linear) for module in steady.modules())
    torch.testing.assert_close(steady(inputs), expected)
