"""Mel frequency cepstral coefficients, equal to librosa's."""

from typing import Literal, Self

import numpy as np
from pydantic import PositiveInt, model_validator

from genre_batch.decode.waveform import Samples
from genre_batch.features.front_end_base import FramesFrontEnd
from genre_batch.features.front_ends.log_mel import Spectrogram, log_mel

_TOP_DB = 80.0


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

    def describe(self) -> str:
        """As in `BaseFrontEnd`."""
        return f"{self.n_mfcc} MFCC at {self.sample_rate} Hz in segments of {self.segment_s:.1f} s"

    def frames(self, samples: Samples) -> Spectrogram:
        """As in `FramesFrontEnd`: coefficients."""
        return mfcc(
            samples,
            sample_rate=self.sample_rate,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            n_mels=self.n_mels,
            n_mfcc=self.n_mfcc,
        )


def mfcc(samples: Samples, *, sample_rate: int, n_fft: int, hop_length: int, n_mels: int, n_mfcc: int) -> Spectrogram:
    """The first `n_mfcc` coefficients of `samples` [n], [n_mfcc, 1 + n // hop_length] float32; at most `n_mels` rows.

    Equal to `librosa.feature.mfcc` of librosa 0.11: the orthonormal DCT-II of the log-mel spectrogram over its bands.
    """
    import scipy.fft  # takes 0.2 s to load, and most processes compute no features

    decibels = log_mel(
        samples, sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels, top_db=_TOP_DB
    )
    # In double precision, so that rounding gives the same bits on nearly all CPUs.
    coefficients = scipy.fft.dct(decibels.astype(np.float64), axis=0, norm="ortho")[:n_mfcc]
    return np.asarray(coefficients, np.float32)
