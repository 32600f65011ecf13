"""The convolutions that look at one picture: the whole of spectrogram_cnn's, and each branch of wavelet_fusion's."""

import torch
from torch import nn

from genre_batch.model.networks.colour_map import ColourMap

SMALLEST = 32
"""Rows and columns of the smallest picture."""


class ImageBranch(nn.Module):
    """Colours and four convolutions, each with batch norm and ReLU, that halve a square picture five times.

    The first convolution steps by two and is pooled at once, since the early layers cost most. `features`: how many
    it finds in a picture of `size` x `size`.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.features = 4 * channels * ((size + 1) // 2 // 16) ** 2
        self.layers = nn.Sequential(
            ColourMap(),
            *_convolution(3, channels, kernel=5, stride=2),
            *_convolution(channels, 2 * channels),
            *_convolution(2 * channels, 4 * channels),
            *_convolution(4 * channels, 4 * channels),
            nn.Flatten(),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures [B, 1, size, size] of values 0 to 1 to [B, features]."""
        features: torch.Tensor = self.layers(pictures)
        return features


def _convolution(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.MaxPool2d(2), nn.ReLU()
