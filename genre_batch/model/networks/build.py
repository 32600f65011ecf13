"""From settings to network: the one place that knows them all."""

from torch import nn

from genre_batch.model.architecture import (
    AnyNetwork,
    DescriptorMlpSettings,
    MelCnnSettings,
    MfccCnnSettings,
    MfccMlpSettings,
    MobileNetSettings,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    TextureKernelSettings,
    WaveletFusionSettings,
)
from genre_batch.model.networks.descriptor_mlp import DescriptorMlp
from genre_batch.model.networks.mel_cnn import MelCnn
from genre_batch.model.networks.mfcc_cnn import MfccCnn
from genre_batch.model.networks.mfcc_mlp import MfccMlp
from genre_batch.model.networks.mobilenet import MobileNet
from genre_batch.model.networks.short_cnn import ShortCnn
from genre_batch.model.networks.spectrogram_cnn import SpectrogramCnn
from genre_batch.model.networks.texture_kernel import TextureKernel
from genre_batch.model.networks.wavelet_fusion import WaveletFusion


def build_network(architecture: AnyNetwork, rows: int, columns: int, n_genres: int) -> nn.Module:
    """An untrained network: segments [B, 1, rows, columns] to logits [B, n_genres].

    Raises ValueError where the segments do not fit it, and UsageError where a library it needs is missing.
    """
    match architecture:
        case MelCnnSettings():
            return MelCnn(architecture, rows, columns, n_genres)
        case ShortCnnSettings():
            return ShortCnn(architecture, rows, columns, n_genres)
        case MfccCnnSettings():
            return MfccCnn(architecture, rows, columns, n_genres)
        case MfccMlpSettings():
            return MfccMlp(architecture, rows, columns, n_genres)
        case DescriptorMlpSettings():
            return DescriptorMlp(architecture, rows, columns, n_genres)
        case SpectrogramCnnSettings():
            return SpectrogramCnn(architecture, rows, columns, n_genres)
        case MobileNetSettings():
            return MobileNet(architecture, rows, columns, n_genres)
        case WaveletFusionSettings():
            return WaveletFusion(architecture, rows, columns, n_genres)
        case TextureKernelSettings():
            return TextureKernel(architecture, rows, columns, n_genres)
