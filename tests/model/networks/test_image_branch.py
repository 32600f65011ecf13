"""What a branch finds in a picture."""

import pytest
import torch

from genre_batch.model.networks.image_branch import ImageBranch


@pytest.mark.parametrize("size", [32, 33, 62, 63, 65, 256])
def test_it_says_how_many_features_it_finds(size: int) -> None:
    branch = ImageBranch(4, size).eval()
    assert branch(torch.rand(2, 1, size, size)).shape == (2, branch.features)


def test_a_picture_of_the_source_leaves_a_map_of_eight_by_eight() -> None:
    assert ImageBranch(16, 256).features == 64 * 8 * 8
