"""A small CNN for segments of about 3 s, cheap enough to score many segments per track on a CPU."""

import torch
from torch import nn

from genre_batch.model.networks.settings import ShortCnnSettings


class ShortCnn(nn.Module):
    """A strided stem and four convolutions with batch norm, then mean and maximum over time of the band averages.

    The stem halves both axes at once, since the first layers cost most. Because of the pooling over time, the number of
    parameters does not depend on the length of a segment.
    """

    def __init__(self, settings: ShortCnnSettings, n_mels: int, segment_frames: int, n_genres: int) -> None:
        super().__init__()
        if n_mels < 16 or segment_frames < 16:
            raise ValueError(f"short_cnn needs at least 16 bands and 16 frames, not {n_mels} and {segment_frames}")
        width = settings.channels
        self.features = nn.Sequential(
            *_convolution(1, width, kernel=5, stride=2),
            *_convolution(width, width),
            nn.MaxPool2d(2),
            *_convolution(width, 2 * width),
            nn.MaxPool2d(2),
            *_convolution(2 * width, 4 * width),
            nn.MaxPool2d(2),
            *_convolution(4 * width, 4 * width),
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(8 * width, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mels, segment_frames] to logits [B, n_genres]."""
        frames = self.features(segments).mean(dim=2)
        pooled = torch.cat([frames.mean(dim=2), frames.amax(dim=2)], dim=1)
        logits: torch.Tensor = self.output(self.dropout(pooled))
        return logits


def _convolution(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.ReLU()
