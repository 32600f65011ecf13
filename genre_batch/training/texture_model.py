"""The texture kernel: solved for in one step, from overlapping segments of the training tracks."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from safetensors.torch import save

from genre_batch.features.front_end import FrontEnd, LogMelFrontEnd
from genre_batch.features.segments import cut_segments
from genre_batch.model.architecture import FileName, TextureKernelSettings
from genre_batch.model.bundle import WEIGHTS_FILE
from genre_batch.model.networks.texture_kernel import TextureKernel
from genre_batch.training.batches import Labels
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.network_model import NetworkModel

_BATCH = 64


class TextureModel(NetworkModel):
    """A fitted texture kernel; see `FittedModel`. Half precision is enough for what it keeps."""

    @property
    def parameters(self) -> int:
        """As in `FittedModel`: every number that is kept."""
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

    The segments of a track count together as much as the square root of their number. Where there are more than
    `settings.support_segments`, that many random ones become the support, and all are still learned from.
    """
    assert isinstance(front_end, LogMelFrontEnd)
    frames = front_end.segment_frames
    segments = [cut_segments(pieces[0].astype(np.float32), frames, max(1, frames // 2)) for pieces in tracks]
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
    # Scored as it will be loaded: what is kept is in half precision.
    network.load_state_dict({name: tensor.half() for name, tensor in network.state_dict().items()})
    return TextureModel(network, front_end)


def _textures(network: TextureKernel, segments: np.ndarray) -> torch.Tensor:
    starts = range(0, len(segments), _BATCH)
    parts = [torch.from_numpy(np.ascontiguousarray(segments[s : s + _BATCH])).unsqueeze(1) for s in starts]
    return torch.cat([network.textures(part) for part in parts])
