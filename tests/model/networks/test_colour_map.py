"""The colours are those of matplotlib's magma."""

import numpy as np
import pytest
import torch

from genre_batch.model.networks.colour_map import ColourMap


def test_colours_are_magmas() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    values = np.linspace(0.0, 1.0, 256, dtype=np.float32)
    expected = matplotlib.colormaps["magma"](np.arange(256))[:, :3]
    colours = ColourMap()(torch.from_numpy(values).reshape(1, 1, 16, 16))
    assert colours.shape == (1, 3, 16, 16)
    np.testing.assert_allclose(colours[0].flatten(1).T.numpy(), expected, atol=0.009)


def test_the_picture_is_not_turned() -> None:
    picture = torch.zeros(1, 1, 2, 3)
    picture[0, 0, 1, 2] = 1.0
    brightness = ColourMap()(picture).sum(dim=1)[0]
    assert brightness.argmax() == 5


def test_values_outside_are_cut() -> None:
    outside, ends = torch.tensor([-3.0, 7.0]), torch.tensor([0.0, 1.0])
    paint = ColourMap()
    assert torch.equal(paint(outside.reshape(1, 1, 1, 2)), paint(ends.reshape(1, 1, 1, 2)))


def test_it_is_not_among_the_weights() -> None:
    assert ColourMap().state_dict() == {}
    assert list(ColourMap().parameters()) == []
