"""Seed 004's third network: one branch sees the spectrogram, one the scalogram, and they are joined late."""

import torch
from torch import nn

from genre_batch.model.architecture import WaveletFusionSettings
from genre_batch.model.networks.image_branch import SMALLEST, ImageBranch


class WaveletFusion(nn.Module):
    """Two branches of their own weights, whose features are put side by side for a dense layer and the output.

    The source says "late fusion" of "spectrogram and wavelet data" and gives 256 x 256 x 3 for each picture; its
    layers are in a figure that is not in its text. Chosen here: a branch is the `ImageBranch` of spectrogram_cnn, and
    the dense layer, with ReLU, and the dropout after it are those of spectrogram_cnn as well.
    """

    def __init__(self, settings: WaveletFusionSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows != 2 * columns or columns < SMALLEST:
            raise ValueError(
                f"wavelet_fusion needs two square pictures of at least {SMALLEST} x {SMALLEST}, one below the other, "
                f"not {rows} x {columns}"
            )
        self.spectrogram = ImageBranch(settings.channels, columns)
        self.scalogram = ImageBranch(settings.channels, columns)
        self.dense = nn.Linear(self.spectrogram.features + self.scalogram.features, settings.dense_units)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(settings.dense_units, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, 2 * size, size], the spectrogram above the scalogram, to logits [B, n_genres]."""
        spectrogram, scalogram = segments.chunk(2, dim=2)
        features = torch.cat([self.spectrogram(spectrogram), self.scalogram(scalogram)], dim=1)
        logits: torch.Tensor = self.output(self.dropout(torch.relu(self.dense(features))))
        return logits
