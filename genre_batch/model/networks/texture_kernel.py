"""The classifier of `cheap`: a radial kernel on statistics of a segment. It learns no filters: little data suffices."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.module import _IncompatibleKeys

from genre_batch.model.networks.settings import TextureKernelSettings
from genre_batch.model.networks.textures import Textures

_MOST_DEVIATIONS = 4.0
LOGIT_SCALE = 10.0
_STABLE = 1e-9


class TextureKernel(nn.Module):
    """Kernel ridge regression from the statistics of `Textures`, each standardised and weighted, to a score per genre.

    support: weighted statistics of the training segments that a segment is compared with, [n_support, n_statistics].
    coefficients: [n_support, n_genres]. Sums over many terms are in double precision, so that a segment's answer does
    not depend on its place in a batch.
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
        self.last = nn.Identity()
        statistics = self.textures(torch.zeros(1, 1, n_mels, segment_frames)).shape[1]
        self.register_buffer("mean", torch.zeros(statistics))
        self.register_buffer("std", torch.ones(statistics))
        self.register_buffer("relevance", torch.ones(statistics))
        self.register_buffer("support", torch.zeros(1, statistics, dtype=torch.float64))
        self.register_buffer("coefficients", torch.zeros(1, n_genres, dtype=torch.float64))

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mels, segment_frames] in dB to logits [B, n_genres]."""
        with torch.autocast(segments.device.type, enabled=False):
            points = self.last(self._weighted(self.textures(segments))).double()
            return (radial_kernel(points, self.support, self._settings.width) @ self.coefficients).float()

    def fit(self, textures: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, support: torch.Tensor) -> None:
        """Solve for all coefficients at once: textures [n, n_statistics], their labels [n] and weights [n].

        support: the rows to compare with, [n_support]. With all rows this is kernel ridge regression, otherwise its
        subset of regressors (Quinonero-Candela and Rasmussen 2005, section 6).
        """
        n_genres = self.coefficients.shape[1]
        share = weights / weights.sum()
        self.mean = (share @ textures.double()).float()
        self.std = ((share @ (textures - self.mean).double().square()).sqrt() + 1e-6).float()
        self.relevance = _relevance(self._weighted(textures).double(), labels, share, n_genres).float()
        points = self._weighted(textures).double()
        self.support = points[support]
        targets = nn.functional.one_hot(labels, n_genres).double()
        solution = solve_kernel(
            points, self.support, targets - share @ targets, weights, self._settings.width, self._settings.ridge
        )
        self.coefficients = LOGIT_SCALE * solution

    def _weighted(self, textures: torch.Tensor) -> torch.Tensor:
        deviations = (textures - self.mean) / self.std
        return deviations.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS) * self.relevance

    def load_state_dict(
        self, state_dict: Mapping[str, torch.Tensor], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """As torch's, for a support of any size but 0. Raises RuntimeError if the shapes do not fit."""
        for name in ("support", "coefficients"):
            if name in state_dict:
                size = len(state_dict[name]) if state_dict[name].dim() else 0
                if size == 0:
                    raise RuntimeError(f"{name} is empty")
                setattr(self, name, getattr(self, name).new_zeros(size, getattr(self, name).shape[1]))
        keys: _IncompatibleKeys = super().load_state_dict(state_dict, strict, assign)
        return keys


def radial_kernel(a: torch.Tensor, b: torch.Tensor, width: float) -> torch.Tensor:
    """exp(-width |a - b|^2 / n) of the rows of a [n_a, n] and b [n_b, n], as [n_a, n_b]."""
    squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2.0 * a @ b.mT
    return (-width / a.shape[1] * squared.clamp(min=0.0)).exp()


def solve_kernel(
    points: torch.Tensor,
    support: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    width: float,
    ridge: float,
) -> torch.Tensor:
    """The coefficients [n_support, n_genres] of kernel ridge regression on `points` [n, n_values], all float64.

    targets: [n, n_genres]. weights: [n]. support: [n_support, n_values].
    """
    among = radial_kernel(support, support, width)
    across = radial_kernel(points, support, width)
    stable = torch.full_like(among[0], _STABLE).diag()
    normal = (across.mT * weights) @ across + ridge * among + stable
    solution: torch.Tensor = torch.linalg.solve(normal, (across.mT * weights) @ targets)
    return solution


def _relevance(points: torch.Tensor, labels: torch.Tensor, share: torch.Tensor, n_genres: int) -> torch.Tensor:
    """The fourth root of each statistic's F ratio, scaled so that the mean square of weighted points remains one."""
    one_hot = nn.functional.one_hot(labels, n_genres).double() * share[:, None]
    means = one_hot.mT @ points / one_hot.sum(0)[:, None]
    within = share @ (points - means[labels]).square() + _STABLE
    relevance = (means.var(0, correction=0) / within).sqrt().sqrt()
    return relevance / (relevance.square() * points.var(0, correction=0)).mean().sqrt()
