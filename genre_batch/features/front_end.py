"""From samples to model inputs: one object of settings, which travels in the model bundle, and one function."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, PositiveInt, model_validator

from genre_batch.decode.waveform import Samples
from genre_batch.decode.window import Window
from genre_batch.features.log_mel import log_mel
from genre_batch.features.loudness import normalise_loudness
from genre_batch.features.segments import count_segments, cut_segments, standardise

Segments = npt.NDArray[np.float16]


class FrontEnd(BaseModel):
    """Everything between a track's bytes and its segments.

    Scoring and training build their features from the same object, so they cannot disagree.
    `mean` and `std` standardise each mel band, [n_mels] in dB; empty means no standardisation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    window: Window = Window()
    sample_rate: PositiveInt = 22_050
    n_fft: Annotated[int, Field(ge=2, multiple_of=2)] = 2048
    hop_length: PositiveInt = 512
    n_mels: PositiveInt = 128
    segment_frames: PositiveInt = 1292
    segment_hop_frames: PositiveInt = 1292
    rms_dbfs: FiniteFloat = -20.0
    top_db: PositiveFloat = 80.0
    mean: list[FiniteFloat] = Field(default_factory=list)
    std: list[Annotated[FiniteFloat, Field(gt=0)]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_mean_and_std_a_band(self) -> Self:
        if len(self.mean) != len(self.std) or len(self.mean) not in (0, self.n_mels):
            raise ValueError(f"mean and std must both be empty or hold {self.n_mels} values")
        return self

    def digest(self) -> str:
        """sha256 of the settings as canonical JSON (sorted keys, no spaces), in hex."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def max_segments(self) -> int:
        """The most segments a track can have: those of a full window and, for its rounding, one frame more."""
        frames = 2 + int(self.window.length_s * self.sample_rate) // self.hop_length
        return count_segments(frames, self.segment_frames, self.segment_hop_frames)


@dataclass(frozen=True, slots=True)
class TrackSegments:
    """The model inputs of one track.

    segments: [n_segments, n_mels, segment_frames] float16, standardised. duration_s and window_start_s: as in Waveform.
    """

    segments: Segments
    duration_s: float
    window_start_s: float
    decoder: str


def segments_of(samples: Samples, front_end: FrontEnd) -> Segments:
    """Segments [n_segments, n_mels, segment_frames] float16 of `samples` [n] at the front end's sample rate.

    Raises TrackRejected where they are silent or not finite.
    """
    spectrogram = log_mel(
        normalise_loudness(samples, front_end.rms_dbfs),
        sample_rate=front_end.sample_rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
        top_db=front_end.top_db,
    )
    segments = cut_segments(spectrogram, front_end.segment_frames, front_end.segment_hop_frames)
    return standardise(segments, front_end.mean, front_end.std)
