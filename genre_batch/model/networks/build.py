"""From settings to a network."""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, runtime_checkable

from torch import nn

from genre_batch.model.networks.settings import NetworkSettings


@runtime_checkable
class _Pretrained(Protocol):
    def load_pretrained(self) -> None:
        """Load the weights that training starts from. Raises UsageError if they cannot be loaded."""


def build_network(settings: NetworkSettings, rows: int, columns: int, n_genres: int) -> nn.Module:
    """An untrained network: segments [B, 1, rows, columns] to logits [B, n_genres].

    Raises ValueError if the segments do not suit it, and UsageError if a library it needs is missing.
    """
    module, _, kind = settings.code.partition(":")
    build: Callable[[NetworkSettings, int, int, int], nn.Module] = getattr(
        import_module(f"{__package__}.{module}"), kind
    )
    return build(settings, rows, columns, n_genres)


def initialise(network: nn.Module) -> None:
    """Load pretrained weights into a `network` whose settings ask for them; others keep their random weights.

    Call it once before training, never when scoring. Raises UsageError if the weights cannot be loaded.
    """
    if isinstance(network, _Pretrained):
        network.load_pretrained()
