"""The settings of every network name its code and can be read without torch."""

import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest
from torch import nn

from genre_batch.model import networks
from genre_batch.model.networks.settings import AnyNetwork, NetworkSettings

KINDS: tuple[type[NetworkSettings], ...] = get_args(AnyNetwork)


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_is_the_network_of_the_same_name(kind: type[NetworkSettings]) -> None:
    module, _, name = kind.code.partition(":")
    network = getattr(import_module(f"{networks.__name__}.{module}"), name)
    assert issubclass(network, nn.Module)
    assert kind.__name__ == f"{name}Settings"
    assert kind.model_fields["name"].default.replace("_", "") == name.lower()


def test_settings_are_read_without_torch() -> None:
    names = ["genre_batch.model.networks.settings", "torch", "sklearn", "scipy"]
    program = f"import sys, genre_batch.model.architecture; print(sorted({{*{names}}} & {{*sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=300)
    assert loaded.stdout == f"{names[:1]}\n"
