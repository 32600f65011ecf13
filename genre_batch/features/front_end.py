"""The one entry from bytes to model inputs; its settings travel in the model bundle."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from genre_batch.decode.window import Window

Segments = npt.NDArray[np.float16]


class FrontEnd(BaseModel):
    """Everything between a track's bytes and its segments.

    Scoring and training build their features from the same object, so they cannot disagree.
    `mean` and `std` standardise each mel band, [n_mels] in dB; empty means no standardisation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    window: Window = Window()
    sample_rate: PositiveInt = 22_050
    n_fft: PositiveInt = 2048
    hop_length: PositiveInt = 512
    n_mels: PositiveInt = 128
    segment_frames: PositiveInt = 1292
    segment_hop_frames: PositiveInt = 1292
    rms_dbfs: float = -20.0
    top_db: float = 80.0
    mean: list[float] = Field(default_factory=list)
    std: list[float] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrackSegments:
    """The model inputs of one track.

    segments: [n_segments, n_mels, segment_frames] float16, standardised. duration_s and window_start_s: as in Waveform.
    """

    segments: Segments
    duration_s: float
    window_start_s: float
    decoder: str
