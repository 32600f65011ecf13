"""The 57 descriptors of the published GTZAN table, by librosa; docs/descriptors.md says what each one means.

The table, `features_30_sec.csv`, is the one that "Music Genre Classification Using CNN" (Chowdhry) describes.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, FiniteFloat, model_validator

from genre_batch.decode.waveform import Samples
from genre_batch.features.front_end_base import SamplesFrontEnd
from genre_batch.features.segments import Values, cut_samples
from genre_batch.features.whole_numba_cache import whole_numba_cache

_SPECTRAL = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    "harmony",
    "perceptr",
)
_N_MFCC = 20


def _mean_and_var(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}_{moment}" for name in names for moment in ("mean", "var"))


COLUMNS = (*_mean_and_var(_SPECTRAL), "tempo", *_mean_and_var(tuple(f"mfcc{i}" for i in range(1, _N_MFCC + 1))))
"""The names of the descriptors, in the table's order. `perceptr` is its name for the percussive part."""


class DescriptorFrontEnd(SamplesFrontEnd):
    """Descriptors of the published GTZAN table: segments [n, len(columns), 1]. By default the loudness is kept."""

    dtype: ClassVar[type[np.float16] | type[np.float32]] = np.float32
    usual_stall_s: ClassVar[float] = 20.0
    uses_librosa: ClassVar[bool] = True

    name: Literal["descriptors"] = "descriptors"
    rms_dbfs: FiniteFloat | None = None
    columns: list[str] = Field(default=list(COLUMNS), min_length=1)

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        unknown = sorted(set(self.columns) - set(COLUMNS))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a descriptor")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a descriptor is listed twice")
        return self

    @property
    def segment_shape(self) -> tuple[int, int]:
        """Descriptors, one column."""
        return len(self.columns), 1

    def describe(self) -> str:
        """As in `BaseFrontEnd`."""
        return f"{len(self.columns)} descriptors at {self.sample_rate} Hz in segments of up to {self.segment_s:g} s"

    def features(self, samples: Samples) -> Values:
        """As in `BaseFrontEnd`; a piece shorter than a segment is described as it is."""
        pieces = cut_samples(samples, self.segment_samples)
        rate, columns = self.sample_rate, self.columns
        return np.stack([descriptors(piece, sample_rate=rate, columns=columns)[:, None] for piece in pieces])


def descriptors(samples: Samples, *, sample_rate: int, columns: Sequence[str]) -> Values:
    """The values [len(columns)] of the named `columns` for `samples` [n]; only what these need is computed.

    On the files of the table, all 57 are within 1e-4 of its values. Raises TrackRejected (NOT_FINITE) if the power of
    `samples` exceeds single precision, KeyError for an unknown column.
    """
    load_librosa()
    from genre_batch.features.descriptor_curves import CURVES, AnalysedSound

    sound = AnalysedSound(samples, sample_rate)
    names = [column.removesuffix("_mean").removesuffix("_var") for column in columns]
    with warnings.catch_warnings():
        # librosa warns about sounds without any pitch and falls back to the usual tuning, which is right
        warnings.filterwarnings("ignore", "Trying to estimate tuning", UserWarning)
        values = {name: CURVES[name](sound) for name in dict.fromkeys(names)}
    moments = [np.var if column.endswith("_var") else np.mean for column in columns]
    return np.array([moment(values[name]) for moment, name in zip(moments, names, strict=True)], np.float32)


@cache
def load_librosa() -> None:
    """Load librosa and let it compile all that descriptors use, into a cache that processes can share."""
    with whole_numba_cache():
        from genre_batch.features.descriptor_curves import CURVES, AnalysedSound

        clicks = (np.arange(22_050) % 5_000 < 500).astype(np.float32)
        for curve in CURVES.values():
            curve(AnalysedSound(clicks, 22_050))
