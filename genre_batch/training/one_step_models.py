"""Models fitted in one step, to all segments of the training tracks: estimators and the texture kernel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.torch import save

from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.segments import Segments, cut_segments
from genre_batch.model.bundle import WEIGHTS_FILE
from genre_batch.model.classifier import FileName
from genre_batch.model.estimators.estimator import Estimator, EstimatorSettings, fit_estimator
from genre_batch.model.networks.settings import TextureKernelSettings
from genre_batch.model.networks.texture_kernel import TextureKernel
from genre_batch.model.scores import Floats, Labels
from genre_batch.training.dataset import as_segments
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fitted_model import Curves
from genre_batch.training.network_model import NetworkModel

_BATCH = 64


@dataclass(frozen=True, slots=True)
class EstimatorModel:
    """A fitted estimator; see `FittedModel`."""

    estimator: Estimator
    settings: EstimatorSettings
    front_end: FrontEnd
    curves: Curves = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """As in `FittedModel`."""
        return self.estimator.parameters

    def logits(self, segments: Segments) -> Floats:
        """As in `FittedModel`: log-probabilities."""
        return self.estimator.log_probabilities(segments)

    def weights(self) -> Mapping[FileName, bytes]:
        """As in `FittedModel`."""
        return {self.settings.weight_files[0]: self.estimator.weights()}


def fit_to_segments(
    settings: EstimatorSettings,
    front_end: FrontEnd,
    tracks: Sequence[Pieces],
    labels: Labels,
    n_genres: int,
    *,
    seed: int,
) -> EstimatorModel:
    """An estimator fitted to the segments that scoring cuts from `tracks`, each with the label of its track.

    A track counts in proportion to its number of segments, which is the same for all tracks that fill the window.
    """
    segments = [as_segments(pieces, front_end) for pieces in tracks]
    repeated = np.repeat(labels, [len(cut) for cut in segments])
    return EstimatorModel(
        fit_estimator(settings, np.concatenate(segments), repeated, n_genres, seed), settings, front_end
    )


class TextureModel(NetworkModel):
    """A fitted texture kernel; see `FittedModel`. It is stored in half precision."""

    @property
    def parameters(self) -> int:
        """As in `FittedModel`: every number that is stored."""
        return sum(tensor.numel() for tensor in self.network.state_dict().values())

    def weights(self) -> Mapping[FileName, bytes]:
        """As in `FittedModel`, in half precision."""
        return {WEIGHTS_FILE: save({name: t.half().contiguous() for name, t in self.network.state_dict().items()})}


def fit_textures(
    settings: TextureKernelSettings,
    front_end: FrontEnd,
    tracks: Sequence[Pieces],
    labels: Labels,
    n_genres: int,
    *,
    seed: int,
) -> TextureModel:
    """A texture kernel of `tracks` and `labels` [n_tracks], from segments that overlap by half.

    Together, the segments of a track have the weight of the square root of their number. If there are more than
    `settings.support_segments`, that many random ones become the support; all are still learned from.
    """
    assert isinstance(front_end, LogMelFrontEnd)
    frames = front_end.segment_frames
    segments = [
        np.concatenate([cut_segments(piece.astype(np.float32), frames, max(1, frames // 2)) for piece in pieces])
        for pieces in tracks
    ]
    counts = np.array([len(cut) for cut in segments])
    weights = np.repeat(counts**-0.5, counts)
    weights *= len(tracks) / weights.sum()
    rng = np.random.default_rng(seed)
    support = np.sort(rng.permutation(len(weights))[: settings.support_segments])
    network = TextureKernel(settings, *front_end.segment_shape, n_genres).eval()
    with torch.no_grad():
        textures = _textures(network, np.concatenate(segments))
        repeated = torch.from_numpy(np.repeat(labels, counts))
        network.fit(textures, repeated, torch.from_numpy(weights), torch.from_numpy(support))
    # So that it answers here as it will once loaded: it is stored in half precision.
    network.load_state_dict({name: tensor.half() for name, tensor in network.state_dict().items()})
    return TextureModel(network, front_end)


def _textures(network: TextureKernel, segments: np.ndarray) -> torch.Tensor:
    starts = range(0, len(segments), _BATCH)
    parts = [torch.from_numpy(np.ascontiguousarray(segments[s : s + _BATCH])).unsqueeze(1) for s in starts]
    return torch.cat([network.textures(part) for part in parts])
