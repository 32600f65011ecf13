"""Seed 004's first network: its input and what it refuses."""

import pytest
import torch

from genre_batch.model.architecture import SpectrogramCnnSettings
from genre_batch.model.networks.spectrogram_cnn import SpectrogramCnn


def test_takes_the_sources_picture() -> None:
    network = SpectrogramCnn(SpectrogramCnnSettings(), 256, 256, 10).eval()
    assert network(torch.rand(2, 1, 256, 256)).shape == (2, 10)


@pytest.mark.parametrize(("rows", "columns"), [(31, 31), (64, 32), (128, 1292)])
def test_other_segments_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"square picture of at least 32 x 32, not {rows} x {columns}"):
        SpectrogramCnn(SpectrogramCnnSettings(), rows, columns, 2)


def test_dropout_works_in_training_only() -> None:
    torch.manual_seed(0)
    network = SpectrogramCnn(SpectrogramCnnSettings(channels=2, dropout=0.5), 32, 32, 2)
    pictures = torch.rand(4, 1, 32, 32)
    assert not torch.equal(network(pictures), network(pictures))
    network.eval()
    assert torch.equal(network(pictures), network(pictures))
