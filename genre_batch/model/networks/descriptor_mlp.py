"""Seed 000's network: dense layers with dropout on the descriptors of a track or of 3 s."""

from itertools import pairwise

import torch
from torch import nn

from genre_batch.model.architecture import DescriptorMlpSettings


class DescriptorMlp(nn.Module):
    """Dense layers, each with ReLU and dropout, and one output a genre.

    The source says ReLU in "all of the hidden layers", softmax at the end and "Dropout is used to prevent
    overfitting"; the sizes are in a picture that is not in its text. Chosen here, as defaults of the settings: four
    layers of 512, 256, 128 and 64, dropout 0.2. The softmax is a part of the loss, and of the calibration.
    """

    def __init__(self, settings: DescriptorMlpSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        sizes = [rows * columns, *settings.hidden_units]
        hidden = [_layer(size_in, size_out, settings.dropout) for size_in, size_out in pairwise(sizes)]
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], n_genres))

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_descriptors, 1] to logits [B, n_genres]."""
        logits: torch.Tensor = self.layers(segments)
        return logits


def _layer(size_in: int, size_out: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout))
