"""Seed 004's third network: which branch sees what, and what it refuses."""

import pytest
import torch

from genre_batch.model.architecture import WaveletFusionSettings
from genre_batch.model.networks.wavelet_fusion import WaveletFusion

SETTINGS = WaveletFusionSettings(channels=4, dense_units=8)


def test_takes_the_sources_pictures() -> None:
    network = WaveletFusion(WaveletFusionSettings(), 512, 256, 10).eval()
    assert network(torch.rand(2, 1, 512, 256)).shape == (2, 10)


@pytest.mark.parametrize("changed", ["spectrogram", "scalogram"])
def test_each_branch_sees_its_own_picture(changed: str) -> None:
    network = WaveletFusion(SETTINGS, 64, 32, 2).eval()
    segments = torch.rand(1, 1, 64, 32)
    other = segments.clone()
    half = slice(0, 32) if changed == "spectrogram" else slice(32, 64)
    other[:, :, half] = torch.rand(1, 1, 32, 32)
    for name in ("spectrogram", "scalogram"):
        half = slice(0, 32) if name == "spectrogram" else slice(32, 64)
        branch = network.get_submodule(name)
        same = torch.equal(branch(segments[:, :, half]), branch(other[:, :, half]))
        assert same == (name != changed)
    assert not torch.equal(network(segments), network(other))


@pytest.mark.parametrize(("rows", "columns"), [(62, 31), (64, 64), (32, 64)])
def test_other_segments_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"two square pictures of at least 32 x 32.*not {rows} x {columns}"):
        WaveletFusion(SETTINGS, rows, columns, 2)
