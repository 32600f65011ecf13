"""Networks: trained in epochs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from genre_batch.features.front_end import FrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import WEIGHTS_FILE
from genre_batch.model.classifier import FileName
from genre_batch.model.networks.build import build_network, initialise
from genre_batch.model.networks.settings import TrainedNetworkSettings
from genre_batch.model.scores import Floats, Labels
from genre_batch.training.batches import TrainingBatches
from genre_batch.training.checkpoint import Checkpoint
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit import EpochProgress, Optimisation, fit
from genre_batch.training.fitted_model import Curves, FittedModel

Measure = Callable[[FittedModel], float]
"""How good a model is while it is still learning."""

_BATCH_VALUES = {"cpu": 1 << 21, "cuda": 1 << 26}


@dataclass(frozen=True, slots=True)
class NetworkModel:
    """A network in eval mode, on any device; see `FittedModel`."""

    network: nn.Module
    front_end: FrontEnd
    curves: Curves = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """As in `FittedModel`."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def logits(self, segments: Segments) -> Floats:
        """As in `FittedModel`, in single precision."""
        device = next(iter(self.network.state_dict().values())).device
        rows, columns = self.front_end.segment_shape
        size = max(1, _BATCH_VALUES[device.type] // (rows * columns))
        parts = [self._answer(segments[start : start + size], device) for start in range(0, len(segments), size)]
        return np.concatenate(parts)

    def weights(self) -> Mapping[FileName, bytes]:
        """As in `FittedModel`."""
        return {WEIGHTS_FILE: save({name: t.cpu().contiguous() for name, t in self.network.state_dict().items()})}

    def _answer(self, segments: Segments, device: torch.device) -> Floats:
        with torch.inference_mode():
            inputs = torch.from_numpy(segments.astype(np.float32)).unsqueeze(1).to(device)
            logits: Floats = self.network(inputs).float().cpu().numpy()
        return logits


def fit_network(
    settings: TrainedNetworkSettings,
    front_end: FrontEnd,
    optimisation: Optimisation,
    tracks: Sequence[Pieces],
    labels: Labels,
    n_genres: int,
    *,
    seed: int,
    progress: EpochProgress,
    checkpoint: Checkpoint | None = None,
    measure: Measure | None = None,
) -> NetworkModel:
    """A network of these `settings` that learned from `tracks` and `labels` [n_tracks], and from nothing else.

    measure: a figure of the network that is taken every few epochs, for the learning curves alone.
    """
    batches = TrainingBatches(
        tracks,
        np.eye(n_genres, dtype=np.float32)[labels],
        front_end,
        batch_size=optimisation.batch_size,
        segments_per_track=optimisation.segments_per_track,
        augmentation=optimisation.augmentation,
        rng=np.random.default_rng(seed),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(settings, *front_end.segment_shape, n_genres)
        initialise(network)
        network, curves = fit(
            network,
            batches,
            optimisation,
            progress=progress,
            checkpoint=checkpoint,
            measure=None if measure is None else lambda network: measure(NetworkModel(network, front_end)),
        )
    return NetworkModel(network, front_end, curves)
