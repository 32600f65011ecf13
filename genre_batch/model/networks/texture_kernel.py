"""The default: a radial kernel on statistics of a segment. No filter is learned, so that little data suffices."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.module import _IncompatibleKeys

from genre_batch.model.architecture import TextureKernelSettings
from genre_batch.model.networks.textures import Textures

_MOST_DEVIATIONS = 4.0
_LOGIT_SCALE = 10.0
_STABLE = 1e-9


class TextureKernel(nn.Module):
    """Kernel ridge regression from the statistics of `Textures`, each standardised and weighted, to a score a genre.

    support: weighted statistics of the training segments that a segment is compared with, [n_support, n_statistics].
    coefficients: [n_support, n_genres]. Everything that is added up over many terms is in double precision, so that a
    segment's answer does not depend on its place in a batch.
    """

    mean: torch.Tensor
    std: torch.Tensor
    relevance: torch.Tensor
    support: torch.Tensor
    coefficients: torch.Tensor

    def __init__(self, settings: TextureKernelSettings, n_mels: int, segment_frames: int, n_genres: int) -> None:
        super().__init__()
        if n_mels % 4 or n_mels < 64 or segment_frames < 128:
            need = "at least 64 bands (a multiple of 4) and 128 frames"
            raise ValueError(f"texture_kernel needs {need}, not {n_mels} and {segment_frames}")
        self._settings = settings
        self.textures = Textures(n_mels, segment_frames)
        statistics = self.textures(torch.zeros(1, 1, n_mels, segment_frames)).shape[1]
        self.register_buffer("mean", torch.zeros(statistics))
        self.register_buffer("std", torch.ones(statistics))
        self.register_buffer("relevance", torch.ones(statistics))
        self.register_buffer("support", torch.zeros(1, statistics, dtype=torch.float64))
        self.register_buffer("coefficients", torch.zeros(1, n_genres, dtype=torch.float64))

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mels, segment_frames] in dB to logits [B, n_genres]."""
        with torch.autocast(segments.device.type, enabled=False):
            points = self._weighted(self.textures(segments)).double()
            return (radial_kernel(points, self.support, self._settings.width) @ self.coefficients).float()

    def fit(self, textures: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, support: torch.Tensor) -> None:
        """Solve for everything at once: textures [n, n_statistics], their labels [n] and weights [n].

        support: the rows to compare with, [n_support]. Where they are all rows it is kernel ridge regression, else
        its subset of regressors (Quinonero-Candela and Rasmussen 2005, section 6).
        """
        n_genres = self.coefficients.shape[1]
        share = weights / weights.sum()
        self.mean = (share @ textures.double()).float()
        self.std = ((share @ (textures - self.mean).double().square()).sqrt() + 1e-6).float()
        self.relevance = _relevance(self._weighted(textures).double(), labels, share, n_genres).float()
        points = self._weighted(textures).double()
        self.support = points[support]
        targets = nn.functional.one_hot(labels, n_genres).double()
        self.coefficients = _LOGIT_SCALE * self._solve(points, targets - share @ targets, weights)

    def _solve(self, points: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        among = radial_kernel(self.support, self.support, self._settings.width)
        across = radial_kernel(points, self.support, self._settings.width)
        stable = torch.full_like(among[0], _STABLE).diag()
        normal = (across.mT * weights) @ across + self._settings.ridge * among + stable
        solution: torch.Tensor = torch.linalg.solve(normal, (across.mT * weights) @ targets)
        return solution

    def _weighted(self, textures: torch.Tensor) -> torch.Tensor:
        deviations = (textures - self.mean) / self.std
        return deviations.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS) * self.relevance

    def load_state_dict(
        self, state_dict: Mapping[str, torch.Tensor], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """As torch's, for a support of any size. Raises RuntimeError where the shapes do not fit."""
        for name in ("support", "coefficients"):
            if name in state_dict:
                size = len(state_dict[name]) if state_dict[name].dim() else 0
                setattr(self, name, getattr(self, name).new_zeros(size, getattr(self, name).shape[1]))
        keys: _IncompatibleKeys = super().load_state_dict(state_dict, strict, assign)
        return keys


def radial_kernel(a: torch.Tensor, b: torch.Tensor, width: float) -> torch.Tensor:
    """exp(-width |a - b|^2 / n) of the rows of a [n_a, n] and b [n_b, n], as [n_a, n_b]."""
    squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2.0 * a @ b.mT
    return (-width / a.shape[1] * squared.clamp(min=0.0)).exp()


def _relevance(points: torch.Tensor, labels: torch.Tensor, share: torch.Tensor, n_genres: int) -> torch.Tensor:
    """The fourth root of each statistic's F ratio, scaled so that the mean square of weighted points stays one."""
    one_hot = nn.functional.one_hot(labels, n_genres).double() * share[:, None]
    means = one_hot.mT @ points / one_hot.sum(0)[:, None]
    within = share @ (points - means[labels]).square() + _STABLE
    relevance = (means.var(0, correction=0) / within).sqrt().sqrt()
    return relevance / (relevance.square() * points.var(0, correction=0)).mean().sqrt()
