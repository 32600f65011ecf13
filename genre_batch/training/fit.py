"""The training loop: batches in, a trained network out."""

import copy
import math
from collections.abc import Callable
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.training.augment import Augmentation
from genre_batch.training.batches import Batches
from genre_batch.training.checkpoint import Checkpoint, TrainingState

Progress = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and its mean loss."""

_MEASURED = 10
"""At about so many epochs the accuracy on tracks that are not learned from is measured."""


class Optimisation(BaseModel):
    """How a network is trained: Adam with decoupled weight decay.

    segments_per_track: random segments of each track that an epoch shows, fewer where it has not so many.
    weight_decay: 0 is plain Adam. schedule: "one_cycle" warms up over a fifth of the steps and then falls to zero
    along a cosine. average_decay: weights scored with are a moving average with this decay a step; 0 takes the last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    epochs: PositiveInt = 60
    batch_size: int = Field(default=32, ge=2)
    segments_per_track: PositiveInt = 1
    learning_rate: PositiveFloat = 3e-3
    weight_decay: NonNegativeFloat = 0.02
    schedule: Literal["constant", "one_cycle"] = "one_cycle"
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0)
    average_decay: float = Field(default=0.0, ge=0.0, lt=1.0)
    augmentation: Augmentation = Augmentation()


def fit(
    network: nn.Module,
    batches: Batches,
    settings: Optimisation,
    *,
    progress: Progress,
    checkpoint: Checkpoint | None = None,
    measure: Callable[[nn.Module], float] | None = None,
) -> tuple[nn.Module, dict[str, list[float]]]:
    """`network`, trained, in eval mode, and its learning curves: `train_loss` by epoch and, where `measure` says how
    good a network is, `held_out_accuracy` after the epochs `held_out_epoch`.

    Trains on the GPU in bfloat16 where there is one, and leaves the network there. On a CPU the same seeds give the
    same weights, also where the loop goes on from a `checkpoint`. Raises UsageError where the loss is not finite.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    average = copy.deepcopy(network).eval() if settings.average_decay else None
    state = TrainingState(network, average, optimiser, batches.rng)
    if checkpoint is not None:
        checkpoint.restore(state)
    fitted = network if average is None else average
    measured = {round(settings.epochs * part / _MEASURED) for part in range(1, _MEASURED + 1)}
    while state.epoch < settings.epochs:
        loss = _epoch(state, batches, settings, device)
        if not math.isfinite(loss):
            raise UsageError(f"the training diverged in epoch {state.epoch + 1}", "lower optimisation.learning_rate")
        state.epoch += 1
        state.curves.setdefault("train_loss", []).append(loss)
        if measure is not None and state.epoch in measured:
            state.curves.setdefault("held_out_epoch", []).append(float(state.epoch))
            state.curves.setdefault("held_out_accuracy", []).append(measure(fitted.eval()))
        if checkpoint is not None:
            checkpoint.keep(state, at_once=state.epoch == settings.epochs)
        progress(state.epoch, loss)
    return fitted.eval(), state.curves


def one_cycle(step: int, steps: int) -> float:
    """The factor on the learning rate at `step`, from 0, of `steps`: a linear rise over a fifth, then half a cosine.

    The two-phase form of Smith and Topin, "Super-Convergence", 2018, without their change of momentum.
    """
    rise = max(1, steps // 5)
    if step < rise:
        return (step + 1) / rise
    return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, steps - rise))


def _epoch(state: TrainingState, batches: Batches, settings: Optimisation, device: torch.device) -> float:
    """The mean loss of one epoch of training."""
    state.network.train()
    losses = []
    for number, (segments, targets) in enumerate(batches.epoch(), start=state.epoch * len(batches)):
        for group in state.optimiser.param_groups:
            group["lr"] = _learning_rate(settings, number, settings.epochs * len(batches))
        loss = _loss(state.network, segments.to(device), targets.to(device))
        state.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        if state.average is not None:
            _move_average(state.average, state.network, settings.average_decay)
        losses.append(loss.detach())
    # read at the end, for reading a loss waits for the GPU
    return float(torch.stack(losses).double().mean())


def _learning_rate(settings: Optimisation, step: int, steps: int) -> float:
    return settings.learning_rate * (one_cycle(step, steps) if settings.schedule == "one_cycle" else 1.0)


def _loss(network: nn.Module, segments: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    with torch.autocast(segments.device.type, torch.bfloat16, enabled=segments.is_cuda):
        logits = network(segments.contiguous(memory_format=torch.channels_last))
    return nn.functional.cross_entropy(logits.float(), targets)


def _move_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for kept, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(current, 1.0 - decay)
        else:
            kept.copy_(current)
