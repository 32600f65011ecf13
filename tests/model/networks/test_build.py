"""Every architecture has its network."""

from typing import get_args

import pytest
import torch

from genre_batch.model.architecture import Architecture
from genre_batch.model.networks.build import build_network

SETTINGS = get_args(get_args(Architecture)[0])


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_settings_choose_the_network(settings: type) -> None:
    architecture = settings()
    network = build_network(architecture, 16, 64, 3)
    assert type(network).__name__.lower() == architecture.name.replace("_", "")
    assert network.eval()(torch.zeros(2, 1, 16, 64)).shape == (2, 3)
