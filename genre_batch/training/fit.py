"""The training loop: spectrograms and labels in, a trained network out."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import nn

from genre_batch.features.front_end import Segments
from genre_batch.features.log_mel import Spectrogram
from genre_batch.training.augment import Augmentation, mix, random_segment, smooth

Labels = npt.NDArray[np.int64]
Progress = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and its mean loss."""


class Optimisation(BaseModel):
    """How a network is trained: Adam with decoupled weight decay, one random segment a track and epoch.

    schedule: "one_cycle" warms up over a fifth of the steps and then falls to zero along a cosine.
    average_decay: weights scored with are a moving average with this decay a step; 0 takes the last ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    epochs: PositiveInt = 60
    batch_size: int = Field(default=32, ge=2)
    learning_rate: PositiveFloat = 3e-3
    weight_decay: NonNegativeFloat = 0.02
    schedule: Literal["constant", "one_cycle"] = "one_cycle"
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0)
    average_decay: float = Field(default=0.0, ge=0.0, lt=1.0)
    augmentation: Augmentation = Augmentation()


def fit(
    network: nn.Module,
    spectrograms: Sequence[Spectrogram],
    labels: Labels,
    *,
    n_genres: int,
    segment_frames: int,
    settings: Optimisation,
    seed: int,
    progress: Progress,
) -> nn.Module:
    """`network`, trained on standardised `spectrograms` [n_mels, n] with `labels` [n_tracks], on the CPU, in eval mode.

    Trains on the GPU in bfloat16 where there is one. On a CPU the same seed gives the same weights.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    network.train()
    batches = _Batches(spectrograms, labels, n_genres, segment_frames, settings, np.random.default_rng(seed))
    optimiser, schedule = _optimiser(network, settings, steps=settings.epochs * len(batches))
    average = copy.deepcopy(network) if settings.average_decay else None
    for epoch in range(1, settings.epochs + 1):
        losses = []
        for segments, targets in batches.epoch():
            loss = _loss(network, segments.to(device), targets.to(device))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            if average is not None:
                _move_average(average, network, settings.average_decay)
            losses.append(float(loss.detach()))
        progress(epoch, float(np.mean(losses)))
    return (network if average is None else average).to("cpu").eval()


def segment_logits(network: nn.Module, segments: Segments, batch: int = 256) -> npt.NDArray[np.float32]:
    """Logits [n, n_genres] of `segments` [n, n_mels, segment_frames]; the network must be on the CPU, in eval mode."""
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(segments[start : start + batch].astype(np.float32)).unsqueeze(1))
            for start in range(0, len(segments), batch)
        ]
    logits: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return logits


def one_cycle(step: int, steps: int) -> float:
    """The factor on the learning rate at `step`, from 0, of `steps`: a linear rise over a fifth, then half a cosine.

    The two-phase form of Smith and Topin, "Super-Convergence", 2018, without their change of momentum.
    """
    rise = max(1, steps // 5)
    if step < rise:
        return (step + 1) / rise
    return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, steps - rise))


class _Batches:
    """Draws the random segments of each epoch, in random order; a last batch of one track is left out (batch norm)."""

    def __init__(
        self,
        spectrograms: Sequence[Spectrogram],
        labels: Labels,
        n_genres: int,
        frames: int,
        settings: Optimisation,
        rng: np.random.Generator,
    ) -> None:
        self._spectrograms = spectrograms
        self._targets = smooth(labels, n_genres, settings.label_smoothing)
        self._frames = frames
        self._settings = settings
        self._rng = rng
        self._starts = [start for start in range(0, len(labels), settings.batch_size) if len(labels) - start > 1]

    def __len__(self) -> int:
        return len(self._starts)

    def epoch(self) -> "list[tuple[torch.Tensor, torch.Tensor]]":
        order = self._rng.permutation(len(self._spectrograms))
        return [self._batch(order[start : start + self._settings.batch_size]) for start in self._starts]

    def _batch(self, rows: Labels) -> tuple[torch.Tensor, torch.Tensor]:
        augmentation = self._settings.augmentation
        segments = np.stack(
            [random_segment(self._spectrograms[row], self._frames, augmentation, self._rng) for row in rows]
        )
        mixed, targets = mix(segments, self._targets[rows], augmentation.mixup, self._rng)
        return torch.from_numpy(mixed).unsqueeze(1), torch.from_numpy(targets)


def _loss(network: nn.Module, segments: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    with torch.autocast(segments.device.type, torch.bfloat16, enabled=segments.is_cuda):
        logits = network(segments.contiguous(memory_format=torch.channels_last))
    return nn.functional.cross_entropy(logits.float(), targets)


def _optimiser(
    network: nn.Module, settings: Optimisation, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    if settings.schedule == "constant":
        return optimiser, torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: one_cycle(step, steps))


def _move_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for kept, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(current, 1.0 - decay)
        else:
            kept.copy_(current)
