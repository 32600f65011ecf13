"""Networks of dense layers alone."""

from itertools import pairwise

import torch
from torch import nn

from genre_batch.model.networks.settings import DescriptorMlpSettings, MfccMlpSettings


class DescriptorMlp(nn.Module):
    """Dense layers, each with ReLU and dropout, and one output per genre, on the descriptors of a track or of 3 s.

    After "Music Genre Classification Using CNN" (Chowdhry), which says ReLU in "all of the hidden layers", softmax at
    the end and "Dropout is used to prevent overfitting"; it gives the sizes only in a figure. Chosen here, as defaults
    of the settings: four layers of 512, 256, 128 and 64, dropout 0.2. The softmax is part of the loss and of the
    calibration.
    """

    def __init__(self, settings: DescriptorMlpSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        sizes = [rows * columns, *settings.hidden_units]
        hidden = [_hidden_layer(size_in, size_out, settings.dropout) for size_in, size_out in pairwise(sizes)]
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], n_genres))

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_descriptors, 1] to logits [B, n_genres]."""
        logits: torch.Tensor = self.layers(segments)
        return logits


class MfccMlp(nn.Module):
    """Dense 100, ReLU and one output per genre, on the first 25,000 MFCC values of a track.

    After "Identifying the Genre of a Song with Neural Networks" (Sambyal). The values are those of the coefficients one
    after the other, as numpy flattens [n_mfcc, frames]: 25,000 of the 25,860 of librosa's 20 coefficients x 1293 frames
    in 30 s. The source divides them "by that max" of each song's absolute values before it picks; here they are divided
    by the largest of those picked. The two differ only if the largest value is among those left out, the end of the
    last coefficient. The division is part of the network, so the front end must not standardise. The softmax is part of
    the loss and of the calibration.
    """

    def __init__(self, settings: MfccMlpSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows * columns < settings.values:
            raise ValueError(
                f"mfcc_mlp needs at least architecture.values = {settings.values} MFCC values, "
                f"not {rows} x {columns} = {rows * columns}"
            )
        self.values = settings.values
        self.dense = nn.Linear(settings.values, settings.hidden_units)
        self.output = nn.Linear(settings.hidden_units, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mfcc, segment_frames] to logits [B, n_genres]."""
        picked = segments.flatten(start_dim=1)[:, : self.values].float()
        largest = picked.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
        logits: torch.Tensor = self.output(torch.relu(self.dense(picked / largest)))
        return logits


def _hidden_layer(size_in: int, size_out: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size_in, size_out), nn.ReLU(), nn.Dropout(dropout))
