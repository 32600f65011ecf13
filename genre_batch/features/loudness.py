"""One loudness for all tracks, so that a genre does not hang on how loud a track was mastered (seed 001)."""

import numpy as np

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.decode.waveform import Samples

SILENCE_DBFS = -80.0


def normalise_loudness(samples: Samples, rms_dbfs: float | None) -> Samples:
    """`samples` [n] scaled to a root mean square of `rms_dbfs`; peaks may pass 1.0. None leaves them as they are.

    Raises TrackRejected: SILENT where the RMS is below SILENCE_DBFS, NOT_FINITE on NaN or infinity.
    """
    rms = root_mean_square(samples)
    if not np.isfinite(rms):
        raise TrackRejected(RejectReason.NOT_FINITE, Stage.FEATURES, "the samples hold NaN or infinity")
    if rms < 10.0 ** (SILENCE_DBFS / 20.0):
        raise TrackRejected(
            RejectReason.SILENT, Stage.FEATURES, f"the decoded window is silent: its RMS is below {SILENCE_DBFS:g} dBFS"
        )
    if rms_dbfs is None:
        return samples
    return samples * np.float32(10.0 ** (rms_dbfs / 20.0) / rms)


def root_mean_square(samples: Samples) -> float:
    """The root mean square of `samples` [n], full scale is 1.0; NaN or infinite where a sample is, 0 where n is 0."""
    if len(samples) == 0:
        return 0.0
    # A sum and no dot product: BLAS adds in an order that hangs on the number of its threads.
    return float(np.sqrt(np.square(samples, dtype=np.float64).sum() / len(samples)))
