"""Convolutions on images of the sound, drawn in colour: one image, or a spectrogram and a scalogram joined late.

After the first and third network of "Music Genres Classification using Deep learning techniques" (Rai). The source
gives the input, 256 x 256 x 3 per image, and shows the layers only in a figure.
"""

import torch
from torch import nn

from genre_batch.model.networks.settings import SpectrogramCnnSettings, WaveletFusionSettings

_SMALLEST = 32  # rows and columns of the smallest image
_MAGMA = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)


class ColourMap(nn.Module):
    """matplotlib's colour map magma, in which librosa draws spectrograms, from 0 (black) to 1 (light yellow).

    Every 17th of its 256 colours is stored, and those between are interpolated: at most 0.009 from the original. The
    colours are not parameters, and a bundle does not store them.
    """

    slopes: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        colours = torch.tensor([list(bytes.fromhex(colour)) for colour in _MAGMA.split()], dtype=torch.float32) / 255.0
        # each colour beside the step to the next: looking up one row takes half the time of lerp, which needs two
        self.register_buffer("slopes", torch.cat([colours[:-1], colours.diff(dim=0)], dim=1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images [B, 1, rows, columns] to colours [B, 3, rows, columns], both from 0 to 1; other values are clipped."""
        places = images.squeeze(1).float().clamp(0.0, 1.0) * len(self.slopes)
        below = places.int().clamp_max(len(self.slopes) - 1)
        found = nn.functional.embedding(below, self.slopes)
        colours = torch.addcmul(found[..., :3], found[..., 3:], (places - below).unsqueeze(-1))
        return colours.permute(0, 3, 1, 2)


class ImageBranch(nn.Module):
    """Colours and four convolutions, each with batch norm and ReLU, that halve a square image five times.

    The first convolution has stride two and is pooled at once, since the early layers cost most. features: how many it
    gives for an image of `size` x `size`.
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

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images [B, 1, size, size] of values 0 to 1 to [B, features]."""
        features: torch.Tensor = self.layers(images)
        return features


class SpectrogramCnn(nn.Module):
    """Convolutions, a dense layer and one output per genre.

    Chosen here: the four convolutions of `ImageBranch`, one dense layer with ReLU, and dropout after it.
    """

    def __init__(self, settings: SpectrogramCnnSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows != columns or rows < _SMALLEST:
            raise ValueError(
                f"spectrogram_cnn needs a square image of at least {_SMALLEST} x {_SMALLEST}, not {rows} x {columns}"
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


class WaveletFusion(nn.Module):
    """Two branches, each with its own weights, whose features are concatenated for a dense layer and the output.

    The source says "late fusion" of "spectrogram and wavelet data". Chosen here: the branches, the dense layer and the
    dropout are those of `SpectrogramCnn`.
    """

    def __init__(self, settings: WaveletFusionSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows != 2 * columns or columns < _SMALLEST:
            raise ValueError(
                f"wavelet_fusion needs two square images of at least {_SMALLEST} x {_SMALLEST}, one below the other, "
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


def _convolution(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.MaxPool2d(2), nn.ReLU()
