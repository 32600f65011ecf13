"""Seed 002's network: one dense layer on the first 25,000 MFCC values of a track."""

import torch
from torch import nn

from genre_batch.model.architecture import MfccMlpSettings


class MfccMlp(nn.Module):
    """Dense 100, ReLU and one output a genre, with nothing between.

    The values are those of the coefficients one after the other, as numpy flattens [n_mfcc, frames]: 25,000 of the
    25,860 of librosa's 20 coefficients x 1293 frames in 30 s. The source divides them "by that max" of each song's
    absolute values before it picks; here by the largest of those picked. It is the same number unless it is among
    those left out, the end of the last coefficient. The division is a part of the network, so the front end must not
    standardise. The softmax is a part of the loss, and of the calibration.
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
