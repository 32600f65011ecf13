"""Random changes to training examples that keep the genre; every function draws from the given generator."""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from genre_batch.features.front_ends.log_mel import Spectrogram
from genre_batch.model.scores import Floats


class Augmentation(BaseModel):
    """How strongly examples are changed; with all zeros only the random crop is left.

    stretch: largest relative change of speed. shift_bands: largest shift of pitch, in mel bands.
    equaliser: strength of a random smooth frequency response, in standard deviations of a band.
    mask_bands, mask_frames: the largest width of the two masked ranges in each direction (SpecAugment).
    mixup: the two parameters of the beta distribution that examples are mixed by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stretch: float = Field(default=0.0, ge=0.0, lt=1.0)
    shift_bands: NonNegativeInt = 0
    equaliser: NonNegativeFloat = 0.0
    mask_bands: NonNegativeInt = 0
    mask_frames: NonNegativeInt = 0
    mixup: NonNegativeFloat = 0.0

    @property
    def changes_bands(self) -> bool:
        """Whether it changes segments in ways that only make sense for mel bands."""
        return any((self.stretch, self.shift_bands, self.equaliser, self.mask_bands, self.mask_frames))


def alter(segment: Spectrogram, settings: Augmentation, rng: np.random.Generator) -> Spectrogram:
    """A changed copy of a standardised segment [n_bands, frames]. It was stretched when it was cut."""
    segment = shift_pitch(segment, settings.shift_bands, rng)
    segment = equalise(segment, settings.equaliser, rng)
    return mask(segment, settings.mask_bands, settings.mask_frames, rng)


def random_crop(
    spectrogram: Spectrogram | npt.NDArray[np.float16], frames: int, stretch: float, rng: np.random.Generator
) -> Spectrogram:
    """`frames` frames [n_bands, frames] float32 of `spectrogram` [n_bands, n], from a random position.

    They are stretched to play up to `stretch` faster or slower. A short spectrogram is repeated, which is what
    `cut_segments` does with short tracks when they are scored.
    """
    taken = max(1, round(frames * rng.uniform(1.0 - stretch, 1.0 + stretch)))
    available = spectrogram.shape[1]
    start = rng.integers(available if taken > available else available - taken + 1)
    piece = spectrogram[:, (start + np.arange(taken)) % available].astype(np.float32)
    return piece if taken == frames else _resample_time(piece, frames)


def shift_pitch(segment: Spectrogram, most: int, rng: np.random.Generator) -> Spectrogram:
    """`segment` moved by up to `most` bands up or down; the edge band fills the gap."""
    bands = np.arange(len(segment)) - rng.integers(-most, most + 1)
    shifted: Spectrogram = segment[np.clip(bands, 0, len(segment) - 1)]
    return shifted


def equalise(segment: Spectrogram, strength: float, rng: np.random.Generator) -> Spectrogram:
    """`segment` plus a smooth random curve over its bands (four cosines): another level, another equaliser."""
    position = np.linspace(0.0, np.pi, len(segment), dtype=np.float32)
    curves = np.cos(position[:, None] * np.arange(4, dtype=np.float32))
    weights = rng.normal(0.0, strength, 4).astype(np.float32)
    equalised: Spectrogram = segment + (curves @ weights)[:, None]
    return equalised


def mask(segment: Spectrogram, bands: int, frames: int, rng: np.random.Generator) -> Spectrogram:
    """A copy with two ranges of bands and two of frames, each of random width and position, set to the mean (0).

    SpecAugment without time warping: Park et al., "SpecAugment", Interspeech 2019.
    """
    masked = segment.copy()
    for _ in range(2):
        masked[_random_range(len(segment), bands, rng)] = 0.0
        masked[:, _random_range(segment.shape[1], frames, rng)] = 0.0
    return masked


def mix(examples: Floats, targets: Floats, alpha: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Examples [n, ...] and targets [n, n_genres], each blended with another of the batch; alpha 0 changes nothing.

    mixup: Zhang et al., ICLR 2018, with one weight per batch, at least a half for the example itself.
    """
    if alpha == 0.0:
        return examples, targets
    draw = rng.beta(alpha, alpha)
    own = np.float32(max(draw, 1.0 - draw))
    other = rng.permutation(len(examples))
    return own * examples + (1 - own) * examples[other], own * targets + (1 - own) * targets[other]


def _random_range(size: int, widest: int, rng: np.random.Generator) -> slice:
    width = int(rng.integers(min(widest, size) + 1))
    start = int(rng.integers(size - width + 1))
    return slice(start, start + width)


def _resample_time(piece: Spectrogram, frames: int) -> Spectrogram:
    position = np.linspace(0.0, piece.shape[1] - 1.0, frames)
    left = position.astype(np.int64)
    right = np.minimum(left + 1, piece.shape[1] - 1)
    weight = (position - left).astype(np.float32)
    return piece[:, left] * (1 - weight) + piece[:, right] * weight
