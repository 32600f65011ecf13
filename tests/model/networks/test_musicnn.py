"""The pruned network against the published graph, whose outputs `golden/musicnn.npz` holds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from genre_batch.model.networks import musicnn
from genre_batch.model.networks.head_settings import TAGS
from genre_batch.model.networks.musicnn import Musicnn

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "genre_batch" / "model" / "trunks" / "musicnn.safetensors"
GOLDEN = np.load(ROOT / "tests" / "golden" / "musicnn.npz")


def segments(count: int, n_frames: int = 187) -> torch.Tensor:
    """Decibels [count, 1, 96, n_frames], as `golden/musicnn.npz` was made from."""
    values = np.random.default_rng(7).normal(-20.0, 12.0, (count, 1, 96, n_frames))
    return torch.from_numpy(values.astype(np.float32))


@pytest.fixture(scope="module")
def trunk() -> Musicnn:
    trunk = Musicnn()
    trunk.load_state_dict(load_file(WEIGHTS))
    return trunk.eval()


def test_values_and_tags_are_those_of_the_published_graph(trunk: Musicnn) -> None:
    values = trunk(segments(4))
    # The weights are kept in half precision, which accounts for the difference; the values spread by 2.6.
    np.testing.assert_allclose(values.numpy(), GOLDEN["values"], atol=0.02)
    np.testing.assert_allclose(trunk.tag_probabilities(values).numpy(), GOLDEN["tags"], atol=0.004)


def test_an_answer_does_not_depend_on_its_neighbours(trunk: Musicnn) -> None:
    together = trunk(segments(7))
    for place, segment in enumerate(segments(7)):
        np.testing.assert_allclose(trunk(segment[None]).numpy()[0], together[place].numpy(), atol=1e-5)


def test_segments_of_any_length_give_as_many_values(trunk: Musicnn) -> None:
    assert trunk(segments(2, n_frames=64)).shape == (2, musicnn.N_VALUES)
    assert len(set(TAGS)) == 50


@pytest.mark.parametrize("bands", [1, 2, 30, 59, 96])
def test_the_greatest_over_the_bands_is_the_maximum_also_of_what_is_not_a_number(bands: int) -> None:
    maps = torch.randn(2, 3, 5, bands, generator=torch.Generator().manual_seed(bands))
    maps[0, 0, 0, bands // 2] = torch.nan
    for layout in (torch.contiguous_format, torch.channels_last):
        greatest = musicnn._greatest(maps.contiguous(memory_format=layout))
        torch.testing.assert_close(greatest, maps.amax(3), rtol=0, atol=0, equal_nan=True)


def test_it_is_frozen(trunk: Musicnn) -> None:
    assert not any(parameter.requires_grad for parameter in trunk.parameters())
