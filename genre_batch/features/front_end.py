"""From samples to model inputs: settings that travel in the model bundle. Loads no decoder and no heavy library."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, PositiveInt, model_validator

from genre_batch.decode.window import Window
from genre_batch.features.descriptor_columns import COLUMNS
from genre_batch.features.segments import count_segments

Segments = npt.NDArray[np.float16 | np.float32]

Fft = Annotated[int, Field(ge=2, multiple_of=2)]


class BaseFrontEnd(BaseModel, ABC):
    """What all front ends have in common.

    Scoring and training build their features from the same object, so they cannot disagree.
    `rms_dbfs`: the loudness that samples are brought to; null leaves it. `mean` and `std` standardise each row of a
    segment; empty means no standardisation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dtype: ClassVar[type[np.float16] | type[np.float32]] = np.float16
    """Of segments: half precision where the values are of one magnitude, as it halves what travels."""

    window: Window = Window()
    sample_rate: PositiveInt = 22_050
    rms_dbfs: FiniteFloat | None = -20.0
    mean: list[FiniteFloat] = Field(default_factory=list)
    std: list[Annotated[FiniteFloat, Field(gt=0)]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_mean_and_std_a_row(self) -> Self:
        rows = self.segment_shape[0]
        if len(self.mean) != len(self.std) or len(self.mean) not in (0, rows):
            raise ValueError(f"mean and std must both be empty or hold {rows} values")
        return self

    @property
    @abstractmethod
    def segment_shape(self) -> tuple[int, int]:
        """Rows and columns of a segment."""

    @property
    @abstractmethod
    def max_segments(self) -> int:
        """The most segments a track can have: those of a full window and a little more for its rounding."""

    def whole(self) -> Self:
        """The front end that training reads with: not standardised, and in one piece where segments are cut in time."""
        return self.model_copy(update={"mean": [], "std": []})

    def digest(self) -> str:
        """sha256 of the settings as canonical JSON (sorted keys, no spaces), in hex."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def _window_samples(self) -> int:
        return 1 + int(self.window.length_s * self.sample_rate)


class FramesFrontEnd(BaseFrontEnd):
    """A front end that cuts its segments from a row of frames, one every `hop_length` samples."""

    n_fft: Fft = 2048
    hop_length: PositiveInt = 512
    n_mels: PositiveInt = 128
    segment_frames: PositiveInt = 1292
    segment_hop_frames: PositiveInt = 1292

    @property
    def max_segments(self) -> int:
        """The most segments a track can have: those of a full window and, for its rounding, one frame more."""
        frames = 1 + self._window_samples // self.hop_length
        return count_segments(1 + frames, self.segment_frames, self.segment_hop_frames)

    def whole(self) -> Self:
        """As in `BaseFrontEnd`: a segment is then one frame, so that all of them are the whole spectrogram."""
        plain = {"segment_frames": 1, "segment_hop_frames": 1, "mean": [], "std": []}
        return self.model_copy(update=plain)


class LogMelFrontEnd(FramesFrontEnd):
    """Log-mel spectrogram in dB: segments [n, n_mels, segment_frames]."""

    name: Literal["log_mel"] = "log_mel"
    top_db: PositiveFloat = 80.0

    @property
    def segment_shape(self) -> tuple[int, int]:
        """Mel bands and frames."""
        return self.n_mels, self.segment_frames


class MfccFrontEnd(FramesFrontEnd):
    """Mel frequency cepstral coefficients: segments [n, n_mfcc, segment_frames]."""

    name: Literal["mfcc"] = "mfcc"
    n_mfcc: PositiveInt = 20

    @model_validator(mode="after")
    def _no_more_coefficients_than_bands(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"{self.n_mels} mel bands give at most as many coefficients, not {self.n_mfcc}")
        return self

    @property
    def segment_shape(self) -> tuple[int, int]:
        """Coefficients and frames."""
        return self.n_mfcc, self.segment_frames


class SamplesFrontEnd(BaseFrontEnd):
    """A front end that cuts its segments from the samples, `segment_s` seconds each."""

    segment_s: PositiveFloat = 30.0

    @property
    def segment_samples(self) -> int:
        """Samples of a segment."""
        return max(1, round(self.segment_s * self.sample_rate))

    @property
    def max_segments(self) -> int:
        """The most segments a track can have."""
        return count_segments(1 + self._window_samples, self.segment_samples, self.segment_samples)


class DescriptorFrontEnd(SamplesFrontEnd):
    """Descriptors of the published GTZAN table: segments [n, len(columns), 1], of the level the track has."""

    dtype: ClassVar[type[np.float16] | type[np.float32]] = np.float32

    name: Literal["descriptors"] = "descriptors"
    rms_dbfs: FiniteFloat | None = None
    columns: list[str] = Field(default=list(COLUMNS), min_length=1)

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        unknown = sorted(set(self.columns) - set(COLUMNS))
        if unknown or len(set(self.columns)) < len(self.columns):
            raise ValueError(f"{unknown[0]!r} is no descriptor" if unknown else "a descriptor stands in the list twice")
        return self

    @property
    def segment_shape(self) -> tuple[int, int]:
        """Descriptors, one column."""
        return len(self.columns), 1


class ImageFrontEnd(SamplesFrontEnd):
    """Pictures of the sound, 0 to 1, one below the other: segments [n, len(images) * size, size]."""

    name: Literal["image"] = "image"
    images: list[Literal["spectrogram", "scalogram"]] = Field(default=["spectrogram"], min_length=1)
    size: PositiveInt = 256
    n_fft: Fft = 2048
    hop_length: PositiveInt = 512

    @property
    def segment_shape(self) -> tuple[int, int]:
        """Rows of all pictures, and columns."""
        return len(self.images) * self.size, self.size


class WaveformFrontEnd(SamplesFrontEnd):
    """The samples themselves: segments [n, 1, samples], full scale is 1.0."""

    dtype: ClassVar[type[np.float16] | type[np.float32]] = np.float32

    name: Literal["waveform"] = "waveform"

    @property
    def segment_shape(self) -> tuple[int, int]:
        """One row of samples."""
        return 1, self.segment_samples


FrontEnd = Annotated[
    LogMelFrontEnd | MfccFrontEnd | DescriptorFrontEnd | ImageFrontEnd | WaveformFrontEnd, Field(discriminator="name")
]
"""Everything between a track's bytes and its segments; `name` says which kind."""


@dataclass(frozen=True, slots=True)
class TrackSegments:
    """The model inputs of one track.

    segments: [n_segments, rows, columns], standardised. duration_s and window_start_s: as in Waveform.
    """

    segments: Segments
    duration_s: float
    window_start_s: float
    decoder: str
