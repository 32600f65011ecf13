"""Seed 004's second network: MobileNet on a spectrogram drawn as a colour image."""

import torch
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.architecture import MobileNetSettings
from genre_batch.model.networks.colour_map import ColourMap

_SMALLEST = 32
_INITIAL_DEVIATION = 0.09


class MobileNet(nn.Module):
    """MobileNetV2 (Sandler et al. 2018, as in transformers), dropout and one output a genre.

    The source says "the pre-trained mobilenet model" and shows what is around it in a figure that is not in its text.
    Chosen here: version 2, whose weights transformers can load; all its layers are trained on; its answer is the mean
    over the picture; no dense layer between it and the output. Built with random weights: `initialise` puts the
    pretrained ones in before a training, a bundle's file the trained ones. Raises UsageError without transformers.
    """

    def __init__(self, settings: MobileNetSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        if rows != columns or rows < _SMALLEST:
            raise ValueError(
                f"mobilenet needs a square picture of at least {_SMALLEST} x {_SMALLEST}, not {rows} x {columns}"
            )
        self.colour_map = ColourMap()
        self.backbone = _backbone(settings, rows)
        features: int = self.backbone.conv_1x1.convolution.out_channels  # type: ignore[union-attr,assignment]
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(features, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, size, size] of values 0 to 1 to logits [B, n_genres]."""
        # The pretrained weights know pictures of -1 to 1: mean and standard deviation of their preprocessor are 0.5.
        features = self.backbone(2.0 * self.colour_map(segments) - 1.0).pooler_output
        logits: torch.Tensor = self.output(self.dropout(features))
        return logits


def _backbone(settings: MobileNetSettings, size: int) -> nn.Module:
    try:
        from transformers import MobileNetV2Config, MobileNetV2Model
    except ImportError as error:
        raise UsageError(
            "the architecture mobilenet needs the library transformers", "pip install 'genre-batch[transformers]'"
        ) from error

    # transformers' range, 0.02, is lost in batch norm's epsilon after many layers; 0.09 is that of the authors' code.
    config = MobileNetV2Config(
        depth_multiplier=settings.depth_multiplier, image_size=size, initializer_range=_INITIAL_DEVIATION
    )
    backbone = MobileNetV2Model(config)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            # transformers keeps TensorFlow's 0.997, which torch reads as the share of the newest batch: scoring would
            # go by the statistics of the last batch alone. This is torch's own default.
            module.momentum = 0.1
    return backbone
