"""The state of a training loop on disk, so that an interrupted loop can resume. Nothing is unpickled."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn
from torch.optim.swa_utils import AveragedModel

from genre_batch.errors import UsageError

_EVERY_S = 2.0
_COST = 20.0
"""The time between checkpoints is at least this many times that of writing one, so they take at most 5 %."""


@dataclass(slots=True)
class TrainingState:
    """Everything that a training loop changes: with it, a resumed loop gives the same weights as an uninterrupted one.

    epoch: the number of finished epochs. curves: figures by name, at most one per epoch.
    """

    network: nn.Module
    average: AveragedModel | None
    optimiser: torch.optim.Optimizer
    rng: np.random.Generator
    epoch: int = 0
    curves: dict[str, list[float]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The state as a safetensors file."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        for number, parameter in enumerate(self._parameters()):
            tensors |= {f"optimiser.{number}.{key}": value for key, value in self.optimiser.state[parameter].items()}
        tensors |= {f"random.{name}": state for name, state in _random_states().items()}
        plain = {"epoch": self.epoch, "curves": self.curves, "rng": self.rng.bit_generator.state}
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        return save(contiguous, {"state": json.dumps(plain)})

    def restore(self, tensors: dict[str, torch.Tensor], plain: str) -> None:
        """Restore what `to_bytes` saved for a loop with the same settings."""
        state = json.loads(plain)
        self.network.load_state_dict(_below(tensors, "network."))
        if self.average is not None:
            self.average.load_state_dict(_below(tensors, "average."))
        for number, parameter in enumerate(self._parameters()):
            self.optimiser.state[parameter] = {
                name: tensor if tensor.ndim == 0 else torch.empty_like(parameter).copy_(tensor)
                for name, tensor in _below(tensors, f"optimiser.{number}.").items()
            }
        _restore_random_states(_below(tensors, "random."))
        self.rng.bit_generator.state = state["rng"]
        self.epoch, self.curves = state["epoch"], state["curves"]

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]


class Checkpoint:
    """A file with the last saved state of one training loop."""

    def __init__(self, file: Path, every_s: float = _EVERY_S) -> None:
        self._file = file
        self._every_s = every_s
        self._next_s = time.monotonic() + every_s

    def restore(self, state: TrainingState) -> bool:
        """Restore `state` from the file. Returns False, and changes nothing, if there is none or it is damaged.

        Raises UsageError if an undamaged file holds the state of another loop; `state` cannot be used then.
        """
        try:
            with safe_open(self._file, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                plain = (file.metadata() or {})["state"]
        except (OSError, SafetensorError, KeyError):
            return False
        try:
            state.restore(tensors, plain)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise UsageError(
                f"{self._file} holds the state of another training", "delete it: the fit then starts again"
            ) from error
        return True

    def save(self, state: TrainingState, *, at_once: bool = False) -> None:
        """Write `state` if `at_once`, or if enough time has passed since the last write."""
        begin_s = time.monotonic()
        if not at_once and begin_s < self._next_s:
            return
        temporary = self._file.with_suffix(".partial")
        temporary.write_bytes(state.to_bytes())
        temporary.replace(self._file)
        end_s = time.monotonic()
        self._next_s = end_s + max(self._every_s, _COST * (end_s - begin_s))

    def remove(self) -> None:
        """Delete the file if there is one."""
        self._file.unlink(missing_ok=True)


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _random_states() -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    return states | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def _restore_random_states(states: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
