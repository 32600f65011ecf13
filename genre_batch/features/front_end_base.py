"""What all front ends share: settings that travel in the model bundle, and the way from samples to segments.

Loads no decoder and no heavy library: the computing libraries of a front end are imported when it first runs.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, PositiveInt, model_validator

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.mix import Channels
from genre_batch.decode.waveform import Samples
from genre_batch.decode.window import Window
from genre_batch.features.loudness import normalise_loudness, without_offset
from genre_batch.features.segments import Segments, Values, all_finite, count_segments, cut_segments, standardise

EvenLength = Annotated[int, Field(ge=2, multiple_of=2)]
"""Samples of a Fourier transform."""

BEFORE_THE_CHOICE = {"channels": "mean", "offset": "keep"}
"""What front ends did before they had these settings. A fingerprint leaves these values out, so that it stays valid."""

_USUAL_WINDOW_S = 30.0


class BaseFrontEnd(BaseModel, ABC):
    """What all front ends have in common.

    Scoring and training compute features with the same object, so they cannot disagree.
    channels: how the channels become one: `mean`, or `audible`, which takes a single channel if their mean cancels the
    signal. offset: whether a DC offset that matters is removed; bundles from before there was a choice have `mean` and
    `keep`. rms_dbfs: samples are scaled to this loudness; null leaves them as they are. mean, std: standardise each row
    of a segment; empty lists mean no standardisation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dtype: ClassVar[type[np.float16] | type[np.float32]] = np.float16
    """Of segments. Half precision, which halves what travels, suffices if all values have about the same magnitude."""

    tells_loudness: ClassVar[bool] = False
    """Whether `loudness` can be computed from segments."""

    usual_stall_s: ClassVar[float] = 5.0
    """CPU time without progress that a track of up to 30 s may use: over ten times what it usually takes in all."""

    uses_librosa: ClassVar[bool] = False
    """Whether it needs librosa, which costs each process seconds to load and 160 MiB."""

    window: Window = Window()
    sample_rate: PositiveInt = 22_050
    channels: Channels = "audible"
    offset: Literal["keep", "remove"] = "remove"
    rms_dbfs: FiniteFloat | None = -20.0
    mean: list[FiniteFloat] = Field(default_factory=list)
    std: list[Annotated[FiniteFloat, Field(gt=0)]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_mean_and_std_per_row(self) -> Self:
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
        """The largest number of segments that a track can have."""

    @abstractmethod
    def describe(self) -> str:
        """What a segment holds, for the model card: "128 mel bands at 22050 Hz in segments of 3.0 s"."""

    @abstractmethod
    def features(self, samples: Samples) -> Values:
        """Segments [n, rows, columns] float32 of `samples` [n_samples] at the front end's rate, not standardised."""

    @classmethod
    def with_all_libraries(cls) -> Self:
        """Settings whose features use every library that this kind of front end can use."""
        return cls()

    def segments(self, *pieces: Samples) -> Segments:
        """Standardised segments [n, rows, columns] of `pieces` [n_samples] at the front end's rate, as `dtype`.

        All pieces get one loudness, and no segment extends over two of them.
        Raises TrackRejected if the samples are silent, or the samples or features are not finite.
        """
        centred = [without_offset(piece) if self.offset == "remove" else piece for piece in pieces]
        levelled = normalise_loudness(np.concatenate(centred), self.rms_dbfs)
        ends = np.cumsum([len(piece) for piece in centred])
        features = np.concatenate([self.features(piece) for piece in np.split(levelled, ends[:-1])])
        segments = standardise(features, self.mean, self.std, self.dtype)
        if not all_finite(segments):
            raise TrackRejected(RejectReason.NOT_FINITE, RejectStage.FEATURES, "the features hold NaN or infinity")
        return segments

    def loudness(self, segments: Segments) -> Values:
        """How loud each of `segments` [n, rows, columns] is, [n], in any unit; 1 if the front end cannot measure it."""
        return np.ones(len(segments), np.float32)

    @property
    def stall_s(self) -> float:
        """CPU seconds without progress after which a track is given up."""
        return self.usual_stall_s * max(1.0, self.window.total_s / _USUAL_WINDOW_S)

    @property
    def trains_on_frames(self) -> bool:
        """Whether training reads the window uncut, so that it can cut segments anywhere."""
        return False

    def whole(self) -> Self:
        """The front end that training reads with: not standardised, and uncut if it `trains_on_frames`."""
        return self.model_copy(update={"mean": [], "std": []})

    def digest(self) -> str:
        """sha256 of the settings as canonical JSON (sorted keys, no spaces), in hex."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def _most_segments(self, segments: Callable[[int], int]) -> int:
        """The largest number of segments by `segments`, how many the samples of a piece give."""
        one, all_pieces = (1 + int(each_s * self.sample_rate) for each_s in (self.window.length_s, self.window.total_s))
        return max(segments(all_pieces), self.window.pieces * segments(one))


class FramesFrontEnd(BaseFrontEnd):
    """A front end that cuts its segments from a sequence of frames, one every `hop_length` samples."""

    n_fft: EvenLength = 2048
    hop_length: PositiveInt = 512
    n_mels: PositiveInt = 128
    segment_frames: PositiveInt = 1292
    segment_hop_frames: PositiveInt = 1292

    @property
    def max_segments(self) -> int:
        """The number of segments of a full window, with one frame more to allow for rounding."""
        frames, hop = self.segment_frames, self.segment_hop_frames
        return self._most_segments(lambda samples: count_segments(2 + samples // self.hop_length, frames, hop))

    @property
    def segment_s(self) -> float:
        """Seconds that a segment covers."""
        return self.segment_frames * self.hop_length / self.sample_rate

    @abstractmethod
    def frames(self, samples: Samples) -> Values:
        """The frames [rows, 1 + n_samples // hop_length] float32 of `samples` [n_samples]."""

    def features(self, samples: Samples) -> Values:
        """As in `BaseFrontEnd`."""
        return cut_segments(self.frames(samples), self.segment_frames, self.segment_hop_frames)

    @property
    def trains_on_frames(self) -> bool:
        """As in `BaseFrontEnd`: not if several pieces are heard, since no segment may extend over two of them."""
        return self.window.pieces == 1

    def whole(self) -> Self:
        """As in `BaseFrontEnd`: each segment is a single frame, so together they are the whole spectrogram."""
        if not self.trains_on_frames:
            return super().whole()
        plain = {"segment_frames": 1, "segment_hop_frames": 1, "mean": [], "std": []}
        return self.model_copy(update=plain)


class SamplesFrontEnd(BaseFrontEnd):
    """A front end that cuts the samples into pieces of `segment_s` seconds and turns each into a segment."""

    segment_s: PositiveFloat = 30.0

    @property
    def segment_samples(self) -> int:
        """Samples of a segment."""
        return max(1, round(self.segment_s * self.sample_rate))

    @property
    def max_segments(self) -> int:
        """The number of segments of a full window."""
        length = self.segment_samples
        return self._most_segments(lambda samples: count_segments(1 + samples, length, length))

    def filled_pieces(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Pieces [n, segment_samples] of `samples` [n_samples]; samples too few for one are repeated to fill it."""
        return cut_segments(samples[None, :], self.segment_samples, self.segment_samples)[:, 0]
