"""The training loop: batches in, a trained network out."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genre_batch.errors import UsageError
from genre_batch.notices import say
from genre_batch.training.augment import Augmentation
from genre_batch.training.batches import TrainingBatches
from genre_batch.training.checkpoint import Checkpoint, TrainingState

EpochProgress = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and its mean loss."""
_REPORTED_EVERY = 10

_MEASURED = 10
"""The approximate number of epochs after which the accuracy on held-out tracks is measured."""


class Optimisation(BaseModel):
    """How a network is trained: Adam with decoupled weight decay.

    segments_per_track: random segments of each track in an epoch, fewer if the track has fewer. weight_decay: 0 is
    plain Adam. schedule: "one_cycle" warms up over a fifth of the steps and then falls to zero along a cosine.
    average_decay: scoring uses a moving average of the weights with this decay per step; 0 uses the last weights.
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
    batches: TrainingBatches,
    settings: Optimisation,
    *,
    progress: EpochProgress,
    checkpoint: Checkpoint | None = None,
    measure: Callable[[nn.Module], float] | None = None,
) -> tuple[nn.Module, dict[str, list[float]]]:
    """`network`, trained, in eval mode, and its learning curves.

    The curves are `train_loss` by epoch and, if `measure` rates a network, `held_out_accuracy` after the epochs
    `held_out_epoch`. Trains on the GPU in bfloat16 if there is one, and leaves the network there. On a CPU the same
    seeds give the same weights, even if the loop resumes from a `checkpoint`. Raises UsageError if the loss is not
    finite.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    average = _moving_average(network, settings.average_decay) if settings.average_decay else None
    state = TrainingState(network, average, optimiser, batches.rng)
    if checkpoint is not None:
        checkpoint.restore(state)
    fitted = network if average is None else average.module
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
            checkpoint.save(state, at_once=state.epoch == settings.epochs)
        progress(state.epoch, loss)
    return fitted.eval(), state.curves


def one_cycle(step: int, steps: int) -> float:
    """The factor on the learning rate at `step`, from 0, of `steps`: a linear rise over a fifth, then half a cosine.

    The two-phase form of Smith and Topin, "Super-Convergence", 2018, without their change of momentum. torch's
    OneCycleLR gives both phases one shape, linear or cosine, so its rates differ by up to a tenth of the peak.
    """
    rise = max(1, steps // 5)
    if step < rise:
        return (step + 1) / rise
    return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, steps - rise))


def _epoch(state: TrainingState, batches: TrainingBatches, settings: Optimisation, device: torch.device) -> float:
    """The mean loss of one epoch of training."""
    state.network.train()
    losses = []
    for number, (segments, targets) in enumerate(batches.epoch(), start=state.epoch * len(batches)):
        for group in state.optimiser.param_groups:
            group["lr"] = _learning_rate(settings, number, settings.epochs * len(batches))
        loss = _loss(state.network, segments.to(device), targets.to(device), settings.label_smoothing)
        state.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        if state.average is not None:
            state.average.update_parameters(state.network)
        losses.append(loss.detach())
    # read at the end, because reading a loss waits for the GPU
    return float(torch.stack(losses).double().mean())


def _learning_rate(settings: Optimisation, step: int, steps: int) -> float:
    return settings.learning_rate * (one_cycle(step, steps) if settings.schedule == "one_cycle" else 1.0)


def _loss(network: nn.Module, segments: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
    with torch.autocast(segments.device.type, torch.bfloat16, enabled=segments.is_cuda):
        logits = network(segments.contiguous(memory_format=torch.channels_last))
    return nn.functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing)


def _moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of all weights, those of batch norm included, from the weights they have now."""
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]
    average.update_parameters(network)  # the first update copies
    return average


def epoch_progress(what: str, epochs: int) -> EpochProgress:
    """Reports the progress of one fit of `epochs` epochs: a line every ten epochs and one at the end.

    A fit that does not begin with the first epoch resumes from a checkpoint, which is reported too.
    """
    started = False

    def report(epoch: int, loss: float) -> None:
        nonlocal started
        if not started and epoch > 1:
            say(f"{what}: resumes after epoch {epoch - 1}")
        started = True
        if epoch % _REPORTED_EVERY == 0 or epoch == epochs:
            say(f"{what}: epoch {epoch}/{epochs}, loss {loss:.3f}")

    return report
