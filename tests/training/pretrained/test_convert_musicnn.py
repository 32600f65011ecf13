"""The converter, on the published wheel where it is at hand: CONTRIBUTING.md says how to get it."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from genre_batch.training.pretrained.convert_musicnn import convert

SHIPPED = Path(__file__).parents[3] / "genre_batch" / "model" / "trunks" / "musicnn.safetensors"
WHEEL = os.environ.get("MUSICNN_WHEEL", "")


def test_any_other_file_is_refused() -> None:
    with pytest.raises(ValueError, match="not the wheel"):
        convert(b"PK\x03\x04 something else")


@pytest.mark.skipif(not WHEEL, reason="MUSICNN_WHEEL does not name the wheel of musicnn 0.1.0")
def test_the_shipped_weights_are_what_it_makes() -> None:
    made, shipped = convert(Path(WHEEL).read_bytes()), load_file(SHIPPED)
    assert made.keys() == shipped.keys()
    for name, array in made.items():
        assert torch.equal(array, shipped[name]), name
