"""Colours, branches, and which branch sees what."""

import numpy as np
import pytest
import torch

from genre_batch.model.networks.image_cnns import ColourMap, ImageBranch, SpectrogramCnn, WaveletFusion
from genre_batch.model.networks.settings import SpectrogramCnnSettings, WaveletFusionSettings


def test_colours_are_magmas() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    values = np.linspace(0.0, 1.0, 256, dtype=np.float32)
    expected = matplotlib.colormaps["magma"](np.arange(256))[:, :3]
    colours = ColourMap()(torch.from_numpy(values).reshape(1, 1, 16, 16))
    assert colours.shape == (1, 3, 16, 16)
    np.testing.assert_allclose(colours[0].flatten(1).T.numpy(), expected, atol=0.009)


def test_the_image_is_not_transposed() -> None:
    image = torch.zeros(1, 1, 2, 3)
    image[0, 0, 1, 2] = 1.0
    brightness = ColourMap()(image).sum(dim=1)[0]
    assert brightness.argmax() == 5


def test_values_outside_the_range_are_clipped() -> None:
    outside, ends = torch.tensor([-3.0, 7.0]), torch.tensor([0.0, 1.0])
    paint = ColourMap()
    assert torch.equal(paint(outside.reshape(1, 1, 1, 2)), paint(ends.reshape(1, 1, 1, 2)))


def test_the_colour_map_is_not_among_the_weights() -> None:
    assert ColourMap().state_dict() == {}
    assert list(ColourMap().parameters()) == []


@pytest.mark.parametrize("size", [32, 33, 62, 63, 65, 256])
def test_a_branch_knows_the_number_of_its_features(size: int) -> None:
    branch = ImageBranch(4, size).eval()
    assert branch(torch.rand(2, 1, size, size)).shape == (2, branch.features)


def test_an_image_of_the_source_leaves_a_map_of_eight_by_eight() -> None:
    assert ImageBranch(16, 256).features == 64 * 8 * 8


def test_takes_the_sources_image() -> None:
    network = SpectrogramCnn(SpectrogramCnnSettings(), 256, 256, 10).eval()
    assert network(torch.rand(2, 1, 256, 256)).shape == (2, 10)


@pytest.mark.parametrize(("rows", "columns"), [(31, 31), (64, 32), (128, 1292)])
def test_spectrogram_cnn_refuses_other_segments(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"square image of at least 32 x 32, not {rows} x {columns}"):
        SpectrogramCnn(SpectrogramCnnSettings(), rows, columns, 2)


def test_dropout_works_in_training_only() -> None:
    torch.manual_seed(0)
    network = SpectrogramCnn(SpectrogramCnnSettings(channels=2, dropout=0.5), 32, 32, 2)
    images = torch.rand(4, 1, 32, 32)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


SETTINGS = WaveletFusionSettings(channels=4, dense_units=8)


def test_takes_the_sources_images() -> None:
    network = WaveletFusion(WaveletFusionSettings(), 512, 256, 10).eval()
    assert network(torch.rand(2, 1, 512, 256)).shape == (2, 10)


@pytest.mark.parametrize("changed", ["spectrogram", "scalogram"])
def test_each_branch_sees_its_own_image(changed: str) -> None:
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
def test_wavelet_fusion_refuses_other_segments(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"two square images of at least 32 x 32.*not {rows} x {columns}"):
        WaveletFusion(SETTINGS, rows, columns, 2)
