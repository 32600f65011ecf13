"""Seed 004's first network: convolutions on a spectrogram drawn as a colour image of 256 x 256."""

import torch
from torch import nn

from genre_batch.model.architecture import SpectrogramCnnSettings
from genre_batch.model.networks.image_branch import SMALLEST, ImageBranch


class SpectrogramCnn(nn.Module):
    """Convolutions, a dense layer and one output a genre.

    The source gives the input, 256 x 256 x 3, and shows the layers in a figure that is not in its text. Chosen here:
    the four convolutions of `ImageBranch`, one dense layer with ReLU, and dropout after it.
    """

    def __init__(self, settings: SpectrogramCnnSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows != columns or rows < SMALLEST:
            raise ValueError(
                f"spectrogram_cnn needs a square picture of at least {SMALLEST} x {SMALLEST}, not {rows} x {columns}"
            )
        self.branch = ImageBranch(settings.channels, rows)
        self.dense = nn.Linear(self.branch.features, settings.dense_units)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(settings.dense_units, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, size, size] of values 0 to 1 to logits [B, n_genres]."""
        dense = torch.relu(self.dense(self.branch(segments)))
        logits: torch.Tensor = self.output(self.dropout(dense))
        return logits
