"""Mel frequency cepstral coefficients, equal to librosa's."""

import numpy as np
import scipy.fft

from genre_batch.decode.waveform import Samples
from genre_batch.features.log_mel import Spectrogram, log_mel

_TOP_DB = 80.0


def mfcc(samples: Samples, *, sample_rate: int, n_fft: int, hop_length: int, n_mels: int, n_mfcc: int) -> Spectrogram:
    """The first `n_mfcc` coefficients of `samples` [n], [n_mfcc, 1 + n // hop_length] float32; at most `n_mels` rows.

    Equal to `librosa.feature.mfcc` of librosa 0.11: the orthonormal DCT-II of the log-mel spectrogram over its bands.
    """
    decibels = log_mel(
        samples, sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels, top_db=_TOP_DB
    )
    # In double precision, so that rounding gives the same bits on nearly all CPUs.
    coefficients = scipy.fft.dct(decibels.astype(np.float64), axis=0, norm="ortho")[:n_mfcc]
    return np.asarray(coefficients, np.float32)
