"""The weights that each network must have, by name and shape, for processes that never load torch.

A test holds them against the networks themselves.
"""

from collections.abc import Iterator
from itertools import pairwise

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

Shape = tuple[int | str, ...]
"""Lengths; a name stands for any length but 0 that is the same wherever the name is."""

_Named = Iterator[tuple[str, Shape]]
_STATISTICS = 748


def weight_shapes(architecture: AnyNetwork, rows: int, columns: int, n_genres: int) -> dict[str, Shape]:
    """The shapes of a network's weights by name, for segments [rows, columns]; of mobilenet's, those of its output."""
    match architecture:
        case MelCnnSettings() | ShortCnnSettings() | MfccCnnSettings():
            named = _of_convolutions(architecture, rows, columns, n_genres)
        case SpectrogramCnnSettings():
            named = _of_pictures(("branch",), architecture.channels, architecture.dense_units, columns, n_genres)
        case WaveletFusionSettings():
            branches = "spectrogram", "scalogram"
            named = _of_pictures(branches, architecture.channels, architecture.dense_units, columns, n_genres)
        case MfccMlpSettings() | DescriptorMlpSettings():
            named = _of_dense_layers(architecture, rows * columns, n_genres)
        case MobileNetSettings():
            named = _layer("output", n_genres, "features")
        case TextureKernelSettings():
            named = _of_texture_kernel(n_genres)
    return dict(named)


def _of_convolutions(
    settings: MelCnnSettings | ShortCnnSettings | MfccCnnSettings, rows: int, columns: int, n_genres: int
) -> _Named:
    match settings:
        case MelCnnSettings(dense_channels=dense):
            for place, channels_in, channels in ((0, 1, 32), (3, 32, 64), (6, 64, 128)):
                yield from _layer(f"features.{place}", channels, channels_in, 3, 3)
            yield from _layer("dense", dense, 128, rows // 8, columns // 64)
            yield from _layer("output", n_genres, dense)
        case ShortCnnSettings(channels=c):
            yield from _normed("features", (0, 1, c, 5), (3, c, c, 3), (7, c, 2 * c, 3), (11, 2 * c, 4 * c, 3))
            yield from _normed("features", (15, 4 * c, 4 * c, 3))
            yield from _layer("output", n_genres, 8 * c)
        case MfccCnnSettings(channels=c, dense_units=dense):
            for place, channels_in, kernel in ((0, 1, 3), (4, c, 3), (8, c, 2)):
                yield from _layer(f"features.{place}", c, channels_in, kernel, kernel)
                yield from _batch_norm(f"features.{place + 3}", c)
            yield from _layer("dense", dense, c * _after_mfcc_blocks(rows) * _after_mfcc_blocks(columns))
            yield from _layer("output", n_genres, dense)


def _of_pictures(branches: tuple[str, ...], c: int, dense: int, size: int, n_genres: int) -> _Named:
    for branch in branches:
        layers = f"{branch}.layers"
        yield from _normed(layers, (1, 3, c, 5), (5, c, 2 * c, 3), (9, 2 * c, 4 * c, 3), (13, 4 * c, 4 * c, 3))
    yield from _layer("dense", dense, len(branches) * 4 * c * ((size + 1) // 2 // 16) ** 2)
    yield from _layer("output", n_genres, dense)


def _of_dense_layers(settings: MfccMlpSettings | DescriptorMlpSettings, values: int, n_genres: int) -> _Named:
    if isinstance(settings, MfccMlpSettings):
        yield from _layer("dense", settings.hidden_units, settings.values)
        yield from _layer("output", n_genres, settings.hidden_units)
        return
    sizes = [values, *settings.hidden_units]
    for place, (size_in, size) in enumerate(pairwise(sizes), start=1):
        yield from _layer(f"layers.{place}.0", size, size_in)
    yield from _layer(f"layers.{len(sizes)}", n_genres, sizes[-1])


def _of_texture_kernel(n_genres: int) -> _Named:
    yield from ((name, (_STATISTICS,)) for name in ("mean", "std", "relevance"))
    yield "support", ("support", _STATISTICS)
    yield "coefficients", ("support", n_genres)


def _layer(name: str, size: int, *inputs: int | str) -> _Named:
    yield f"{name}.weight", (size, *inputs)
    yield f"{name}.bias", (size,)


def _batch_norm(name: str, channels: int) -> _Named:
    yield from ((f"{name}.{part}", (channels,)) for part in ("weight", "bias", "running_mean", "running_var"))
    yield f"{name}.num_batches_tracked", ()


def _normed(name: str, *convolutions: tuple[int, int, int, int]) -> _Named:
    """Convolutions without a bias, each with its batch norm behind it: place, channels in and out, kernel."""
    for place, channels_in, channels, kernel in convolutions:
        yield f"{name}.{place}.weight", (channels, channels_in, kernel, kernel)
        yield from _batch_norm(f"{name}.{place + 1}", channels)


def _after_mfcc_blocks(length: int) -> int:
    for kernel in (3, 3, 2):
        length = (length - kernel + 2) // 2
    return length
