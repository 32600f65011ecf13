"""One loudness for all tracks, so that the genre does not depend on how loud a track was mastered.

After "Music Genre Classification through Convolutional Neural Networks" (Giamatti and Smith).
"""

import numpy as np

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.waveform import Samples

SILENCE_DBFS = -80.0
_AUDIBLE_OFFSET = 0.01
_INAUDIBLE = 10.0 ** (SILENCE_DBFS / 20.0) / 10.0


def normalise_loudness(samples: Samples, rms_dbfs: float | None) -> Samples:
    """`samples` [n] scaled to a root mean square of `rms_dbfs`; peaks may exceed 1.0. None leaves them as they are.

    Raises TrackRejected: SILENT if the RMS is below SILENCE_DBFS, NOT_FINITE if samples are NaN or infinity.
    """
    rms = root_mean_square(samples)
    if not np.isfinite(rms):
        raise TrackRejected(RejectReason.NOT_FINITE, RejectStage.FEATURES, "the samples contain NaN or infinity")
    if rms < 10.0 ** (SILENCE_DBFS / 20.0):
        raise TrackRejected(
            RejectReason.SILENT,
            RejectStage.FEATURES,
            f"the decoded window is silent: its RMS is below {SILENCE_DBFS:g} dBFS",
        )
    if rms_dbfs is None:
        return samples
    return samples * np.float32(10.0 ** (rms_dbfs / 20.0) / rms)


def without_offset(samples: Samples) -> Samples:
    """`samples` [n] minus their mean; the same array if the mean has less than 1 % of their power, as in most music.

    An offset makes no sound, so it may neither hide silence nor count as loudness.
    """
    if len(samples) == 0:
        return samples
    with np.errstate(over="ignore", invalid="ignore"):  # samples near the largest float
        if abs(float(samples.sum())) < _INAUDIBLE * len(samples):
            return samples
    mean = float(samples.sum(dtype=np.float64) / len(samples))
    if not mean * mean > _AUDIBLE_OFFSET * root_mean_square(samples) ** 2 or not np.isfinite(mean):
        return samples
    return (samples - mean).astype(np.float32)


def root_mean_square(samples: Samples) -> float:
    """The root mean square of `samples` [n], full scale is 1.0; NaN or infinite if a sample is, 0 if n is 0."""
    if len(samples) == 0:
        return 0.0
    # A sum rather than a dot product: BLAS adds in an order that depends on the number of its threads.
    return float(np.sqrt(np.square(samples, dtype=np.float64).sum() / len(samples)))
