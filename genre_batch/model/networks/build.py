"""From settings to network: the one place that knows them all."""

from torch import nn

from genre_batch.model.architecture import Architecture, MelCnnSettings, ShortCnnSettings
from genre_batch.model.networks.mel_cnn import MelCnn
from genre_batch.model.networks.short_cnn import ShortCnn


def build_network(architecture: Architecture, n_mels: int, segment_frames: int, n_genres: int) -> nn.Module:
    """An untrained network: segments [B, 1, n_mels, segment_frames] to logits [B, n_genres].

    Raises ValueError where the segments are too small for it.
    """
    match architecture:
        case MelCnnSettings():
            return MelCnn(architecture, n_mels, segment_frames, n_genres)
        case ShortCnnSettings():
            return ShortCnn(architecture, n_mels, segment_frames, n_genres)
