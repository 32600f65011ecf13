"""MSD_musicnn (Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", 2019).

A small CNN that was trained on 50 tags of the Million Song Dataset. It looks at a log-mel spectrogram with filters that
span many bands (timbre) or many frames (rhythm), and gives 200 values a segment from which the tags follow linearly.
497 of the 561 filters of the published front end are zero, so their output is the same for any input. They are left out
here, and their constant output is part of other weights; see `training/pretrained/convert_musicnn.py`.
"""

import torch
from torch import nn

from genre_batch.model.networks.head_settings import TAGS

N_MELS = 96
N_VALUES = 200
FILTERS = {
    "timbral_38": (23, 7, 38),
    "timbral_67": (14, 7, 67),
    "temporal_128": (3, 128, 1),
    "temporal_64": (7, 64, 1),
    "temporal_32": (17, 32, 1),
}
"""Number of filters, and the frames and bands that each spans."""

MIDDLE_CHANNELS = 64
_FRONT_CHANNELS = sum(count for count, _, _ in FILTERS.values())
_POOLED = 2 * (_FRONT_CHANNELS + 3 * MIDDLE_CHANNELS)
_MIDDLE_FRAMES = 7
_POWER_GAIN = 10_000.0
_AT_ONCE = 2
"""Segments that go through the front filters together: few enough for their large maps to stay in the CPU's cache."""


class Musicnn(nn.Module):
    """The trunk, frozen: log-mel segments to 200 values each."""

    def __init__(self) -> None:
        super().__init__()
        self.input = Affine(1)
        self.front = nn.ModuleDict({name: FrontFilters(*shape) for name, shape in FILTERS.items()})
        self.middle = nn.ModuleList(
            [MiddleLayer(_FRONT_CHANNELS + 1), MiddleLayer(MIDDLE_CHANNELS), MiddleLayer(MIDDLE_CHANNELS)]
        )
        self.dense = nn.Linear(_POOLED, N_VALUES)
        self.output = Affine(N_VALUES)
        self.tags = nn.Linear(N_VALUES, len(TAGS))
        self.requires_grad_(requires_grad=False)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Mel power in dB [B, 1, 96, n_frames], n_fft 512 and hop 256 at 16 kHz, to values [B, 200]."""
        front = torch.cat([self._front(part) for part in torch.split(segments, _AT_ONCE)])
        first, second, third = self.middle
        maps = first(torch.cat([front, torch.ones_like(front[:, :1])], 1))
        maps_2 = second(maps) + maps
        maps_3 = third(maps_2) + maps_2
        every = torch.cat([front, maps, maps_2, maps_3], 1)
        pooled = torch.cat([every.amax(2), every.mean(2)], 1)
        values: torch.Tensor = self.output(self.dense(pooled).relu())
        return values

    def tag_probabilities(self, values: torch.Tensor) -> torch.Tensor:
        """The probability of each of TAGS, [B, 50], from the values [B, 200] of a segment; they are not exclusive."""
        probabilities: torch.Tensor = self.tags(values).sigmoid()
        return probabilities

    def _front(self, segments: torch.Tensor) -> torch.Tensor:
        """[B, 1, 96, n_frames] to maps [B, n_filters, n_frames]."""
        power = torch.pow(10.0, segments.transpose(2, 3) / 10.0)
        heard = self.input(torch.log10(1.0 + _POWER_GAIN * power))
        return torch.cat([filters(heard) for filters in self.front.values()], 1)


class FrontFilters(nn.Module):
    """Filters of one shape; of each, the greatest output over all bands.

    The published order is convolution, ReLU, scale and shift, maximum. The maximum goes first here, which is the same
    for a positive scale and saves work. Where the scale is negative the minimum is wanted, so `sign` is -1 and the
    filter and its bias are negated.
    """

    sign: torch.Tensor

    def __init__(self, count: int, frames: int, bands: int) -> None:
        super().__init__()
        self.filters = nn.Conv2d(1, count, (frames, bands), bias=False)
        self.bias = nn.Parameter(torch.zeros(count))
        self.register_buffer("sign", torch.ones(count))
        self.scaled = Affine(count)
        self._padding = (0, 0, (frames - 1) // 2, frames // 2)  # as TensorFlow's "same"

    def forward(self, heard: torch.Tensor) -> torch.Tensor:
        """[B, 1, n_frames, 96] to [B, count, n_frames]."""
        greatest = _greatest(self.filters(nn.functional.pad(heard, self._padding)))
        outputs: torch.Tensor = self.scaled(((greatest + self.bias[:, None]) * self.sign[:, None]).relu(), 1)
        return outputs


def _greatest(maps: torch.Tensor) -> torch.Tensor:
    """The maximum over the bands of maps [B, count, n_frames, n_bands].

    On a CPU, the greater of two halves, again and again: `amax` over an axis that is not the last in memory takes ten
    times as long, a quarter of the whole network. On a GPU these would be many small kernels instead of one, and ONNX
    Runtime has a fast maximum of its own.
    """
    if maps.is_cuda or torch.jit.is_tracing():  # type: ignore[no-untyped-call,attr-defined]
        return maps.amax(3)
    while (bands := maps.shape[3]) > 1:
        half = (bands + 1) // 2
        maps = torch.maximum(maps[..., :half], maps[..., bands - half :])
    return maps.squeeze(3)


class MiddleLayer(nn.Module):
    """A convolution over time, ReLU, and then scale and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, MIDDLE_CHANNELS, _MIDDLE_FRAMES, padding=_MIDDLE_FRAMES // 2)
        self.scaled = Affine(MIDDLE_CHANNELS)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[B, channels, n_frames] to [B, 64, n_frames]."""
        outputs: torch.Tensor = self.scaled(self.convolution(maps).relu(), 1)
        return outputs


class Affine(nn.Module):
    """A batch normalisation that has been trained: a factor and a summand a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, values: torch.Tensor, trailing: int = 0) -> torch.Tensor:
        """`values` [B, channels] or, with one `trailing` axis, [B, channels, n]."""
        shape = (-1,) + (1,) * trailing
        return values * self.scale.view(shape) + self.shift.view(shape)
