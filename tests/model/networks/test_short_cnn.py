"""Shapes and size of the small CNN, and what its answer may not depend on."""

import pytest
import torch

from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.model.networks.short_cnn import ShortCnn


def network(n_mels: int = 128, frames: int = 128, genres: int = 10) -> ShortCnn:
    torch.manual_seed(0)
    return ShortCnn(ShortCnnSettings(), n_mels, frames, genres).eval()


@pytest.mark.parametrize(("n_mels", "frames", "genres"), [(128, 128, 10), (16, 16, 2), (96, 130, 7)])
def test_one_row_of_logits_per_segment(n_mels: int, frames: int, genres: int) -> None:
    logits = network(n_mels, frames, genres)(torch.randn(3, 1, n_mels, frames))
    assert logits.shape == (3, genres)
    assert torch.isfinite(logits).all()


def test_fits_into_the_shipped_bundle() -> None:
    assert sum(p.numel() for p in network().parameters()) * 4 < 3_500_000


def test_the_other_segments_of_a_batch_do_not_matter_when_scoring() -> None:
    segments = torch.randn(5, 1, 128, 128)
    net = network()
    with torch.inference_mode():
        torch.testing.assert_close(net(segments)[2:3], net(segments[2:3]), atol=1e-5, rtol=1e-5)


def test_parameters_do_not_depend_on_the_length_of_a_segment() -> None:
    longer = network(frames=512)
    longer.load_state_dict(network().state_dict())
    assert longer(torch.randn(1, 1, 128, 512)).shape == (1, 10)


def test_too_small_segments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bands and 16 frames"):
        network(n_mels=8)
