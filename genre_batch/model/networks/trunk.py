"""A frozen trunk, trained elsewhere on much more music, and a small head that is fitted to a user's own labels."""

from collections.abc import Mapping
from importlib import resources

import torch
from safetensors.torch import load
from torch import nn

from genre_batch.model.networks.head_settings import AnyHead, KernelHead, MlpHead
from genre_batch.model.networks.musicnn import N_VALUES, Musicnn
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.networks.texture_kernel import LOGIT_SCALE, radial_kernel

_MOST_DEVIATIONS = 4.0
_LEAST_FRAMES = 32


class Trunk(nn.Module):
    """The trunk's values of a segment, standardised and clipped, and the head's answer to them.

    mean, std: of the trunk's values over the training segments, [n_values]. genre_means: of the standardised values of
    each genre, [n_genres, n_values].
    """

    mean: torch.Tensor
    std: torch.Tensor
    genre_means: torch.Tensor

    def __init__(self, settings: TrunkSettings, n_mels: int, segment_frames: int, n_genres: int) -> None:
        super().__init__()
        if segment_frames < _LEAST_FRAMES:
            raise ValueError(f"the trunk needs at least {_LEAST_FRAMES} frames, not {segment_frames}")
        if n_mels != settings.input.n_mels:
            raise ValueError(f"the trunk needs {settings.input.n_mels} bands, not {n_mels}")
        self.trunk = Musicnn()
        self.head = _untrained_head(settings.head, N_VALUES, n_genres)
        self.register_buffer("mean", torch.zeros(N_VALUES))
        self.register_buffer("std", torch.ones(N_VALUES))
        self.register_buffer("genre_means", torch.zeros(n_genres, N_VALUES))

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mels, segment_frames] in dB to [B, n_genres + 1 + n_tags].

        Columns are the logits, the distance and the probabilities of the trunk's tags: one pass gives them all.
        """
        return self.answers(self.trunk(segments))

    def answers(self, values: torch.Tensor) -> torch.Tensor:
        """The same from the trunk's values [B, n_values], which other heads on the same trunk need too."""
        points = self.standardised(values)
        return torch.cat([self.head(points), self.distances(points)[:, None], self.trunk.tag_probabilities(values)], 1)

    def distances(self, points: torch.Tensor) -> torch.Tensor:
        """The mean squared distance [B] of standardised values [B, n_values] to the nearest genre's mean."""
        return (points[:, None] - self.genre_means).square().mean(2).amin(1)

    def standardised(self, values: torch.Tensor) -> torch.Tensor:
        """The head's input [B, n_values] from the trunk's values [B, n_values]."""
        deviations = (values.float() - self.mean) / self.std
        return deviations.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS)

    def load_pretrained(self) -> None:
        """Load the weights of the trunk, which come with the package."""
        file = resources.files("genre_batch.model") / "trunks" / "musicnn.safetensors"
        self.trunk.load_state_dict(load(file.read_bytes()))

    def stored_state(self) -> dict[str, torch.Tensor]:
        """The state as a bundle stores it: the trunk in half precision, as it was published here."""
        state = self.state_dict()
        return {name: tensor.half() if name.startswith("trunk.") else tensor for name, tensor in state.items()}


class RadialHead(nn.Module):
    """Kernel ridge regression: see `texture_kernel.TextureKernel`, whose sums are in double precision as well."""

    support: torch.Tensor
    coefficients: torch.Tensor

    def __init__(self, width: float, n_values: int, n_genres: int) -> None:
        super().__init__()
        self._width = width
        self.register_buffer("support", torch.zeros(1, n_values))
        self.register_buffer("coefficients", torch.zeros(1, n_genres))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Standardised values [B, n_values] to logits [B, n_genres]."""
        with torch.autocast(values.device.type, enabled=False):
            near = radial_kernel(values.double(), self.support.double(), self._width)
            return LOGIT_SCALE * (near @ self.coefficients.double()).float()

    def _load_from_state_dict(
        self, state_dict: Mapping[str, torch.Tensor], prefix: str, *rest: dict[str, bool] | bool | list[str]
    ) -> None:
        """As torch's, for a support of any size but 0."""
        for name in ("support", "coefficients"):
            stored = state_dict.get(prefix + name)
            if stored is not None and stored.dim() and len(stored):
                setattr(self, name, getattr(self, name).new_zeros(len(stored), getattr(self, name).shape[1]))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _untrained_head(settings: AnyHead, n_values: int, n_genres: int) -> nn.Module:
    match settings:
        case KernelHead():
            return RadialHead(settings.width, n_values, n_genres)
        case MlpHead():
            return nn.Sequential(
                nn.Linear(n_values, settings.hidden_units), nn.ReLU(), nn.Linear(settings.hidden_units, n_genres)
            )
        case _:
            return nn.Linear(n_values, n_genres)
