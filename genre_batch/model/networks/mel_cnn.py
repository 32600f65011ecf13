"""Three convolutions, each pooled 2 x 4, a dense layer of 256 and one output per genre, on a log-mel spectrogram."""

import torch
from torch import nn

from genre_batch.model.networks.settings import MelCnnSettings

_CHANNELS = (32, 64, 128)
_POOL = (2, 4)


class MelCnn(nn.Module):
    """Section 2.5 of "Music Genre Classification through Convolutional Neural Networks" (Giamatti and Smith, 2020).

    For their input of 128 bands x 1292 frames, or any other size. Their layer 8 is "a convolutional network configured
    such that it would result in a fully connected network": here a convolution whose kernel covers the whole map that
    the last pooling leaves, 16 x 20 for their input. (Their table gives that layer a 3 x 3 filter, which would not be
    fully connected; this follows the text.) Not given there, chosen here: zero padding that keeps the size in layers 2
    to 6, and dropout before both dense layers.
    """

    def __init__(self, settings: MelCnnSettings, n_mels: int, segment_frames: int, n_genres: int) -> None:
        super().__init__()
        map_size = n_mels // _POOL[0] ** len(_CHANNELS), segment_frames // _POOL[1] ** len(_CHANNELS)
        if 0 in map_size:
            raise ValueError(f"mel_cnn needs at least 8 bands and 64 frames, not {n_mels} and {segment_frames}")
        first, second, third = _CHANNELS
        self.features = nn.Sequential(*_stage(1, first), *_stage(first, second), *_stage(second, third))
        self.dropout = nn.Dropout(settings.dropout)
        self.dense = nn.Conv2d(third, settings.dense_channels, kernel_size=map_size)
        self.output = nn.Linear(settings.dense_channels, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mels, segment_frames] to logits [B, n_genres]."""
        dense = torch.relu(self.dense(self.dropout(self.features(segments)))).flatten(start_dim=1)
        logits: torch.Tensor = self.output(self.dropout(dense))
        return logits


def _stage(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    # ReLU gives the same numbers after pooling as before it, on an eighth of the values.
    return nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1), nn.MaxPool2d(_POOL), nn.ReLU()
