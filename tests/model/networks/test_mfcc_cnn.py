"""The network of Purohit et al., layer by layer."""

import pytest
import torch
from torch import nn

from genre_batch.model.networks.mfcc_cnn import MfccCnn
from genre_batch.model.networks.settings import MfccCnnSettings


def test_the_layers_are_those_of_the_paper() -> None:
    """Shapes as Keras gives for their code and an input of (130, 13, 1), with both axes swapped."""
    network = MfccCnn(MfccCnnSettings(), 13, 130, 10).eval()
    shapes: list[tuple[str, tuple[int, ...]]] = []

    def note(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        shapes.append((type(layer).__name__, tuple(output.shape[1:])))

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Linear):
            layer.register_forward_hook(note)
    with torch.inference_mode():
        network(torch.zeros(1, 1, 13, 130))
    assert shapes == [
        ("Conv2d", (32, 11, 128)),
        ("MaxPool2d", (32, 6, 64)),
        ("Conv2d", (32, 4, 62)),
        ("MaxPool2d", (32, 2, 31)),
        ("Conv2d", (32, 1, 30)),
        ("MaxPool2d", (32, 1, 15)),
        ("Linear", (64,)),
        ("Linear", (10,)),
    ]


def test_it_has_as_many_parameters_as_theirs() -> None:
    """Three convolutions, three batch norms (scale and shift), dense and output."""
    expected = 32 * (9 + 1) + 32 * (32 * 9 + 1) + 32 * (32 * 4 + 1) + 3 * 64 + 64 * (480 + 1) + 10 * (64 + 1)
    assert sum(p.numel() for p in MfccCnn(MfccCnnSettings(), 13, 130, 10).parameters()) == expected


@pytest.mark.parametrize(("rows", "columns"), [(11, 11), (12, 14), (20, 131)])
def test_segments_of_any_size_give_one_row_of_logits_each(rows: int, columns: int) -> None:
    network = MfccCnn(MfccCnnSettings(channels=4), rows, columns, 3).eval()
    assert network(torch.randn(2, 1, rows, columns)).shape == (2, 3)


@pytest.mark.parametrize(("rows", "columns"), [(10, 130), (13, 10)])
def test_too_small_segments_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"at least 11 coefficients and 11 frames, not {rows} and {columns}"):
        MfccCnn(MfccCnnSettings(), rows, columns, 2)
