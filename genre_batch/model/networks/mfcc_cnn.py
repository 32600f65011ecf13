"""Three convolutions on 13 MFCC x 130 frames, a dense layer and one output per genre."""

import torch
from torch import nn

from genre_batch.model.networks.settings import MfccCnnSettings

_SMALLEST = 11


class MfccCnn(nn.Module):
    """Section 6.2 d of "Music Genre Classification using Deep Learning" (Purohit et al., 2023), layer by layer.

    The source gives every size: kernels 3, 3 and 2 without padding, ReLU, pooling by 3, 3 and 2 with step 2 and padding
    "same", batch norm, dense 64, dropout 0.3. Its input has frames first, so its kernels are ours transposed. Chosen
    here: where pooling by three meets an axis of even length, the padding is at the beginning (Keras pads the end). The
    softmax is part of the loss and of the calibration.
    """

    def __init__(self, settings: MfccCnnSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows < _SMALLEST or columns < _SMALLEST:
            raise ValueError(
                f"mfcc_cnn needs at least {_SMALLEST} coefficients and {_SMALLEST} frames, not {rows} and {columns}"
            )
        width = settings.channels
        self.features = nn.Sequential(
            *_block(1, width, kernel=3, pool=3),
            *_block(width, width, kernel=3, pool=3),
            *_block(width, width, kernel=2, pool=2),
            nn.Flatten(),
        )
        self.dense = nn.Linear(width * _length_left(rows) * _length_left(columns), settings.dense_units)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(settings.dense_units, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mfcc, segment_frames] to logits [B, n_genres]."""
        dense = torch.relu(self.dense(self.features(segments)))
        logits: torch.Tensor = self.output(self.dropout(dense))
        return logits


def _block(channels_in: int, channels_out: int, kernel: int, pool: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels_in, channels_out, kernel),
        nn.ReLU(),
        nn.MaxPool2d(pool, stride=2, padding=(pool - 1) // 2, ceil_mode=pool % 2 == 0),
        nn.BatchNorm2d(channels_out),
    )


def _length_left(length: int) -> int:
    for kernel in (3, 3, 2):
        length = (length - kernel + 2) // 2
    return length
