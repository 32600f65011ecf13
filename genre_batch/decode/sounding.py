"""Which part of a track sounds: windows that fall into silence are moved to it."""

import numpy as np

from genre_batch.decode.waveform import Samples

QUIET_DBFS = -60.0
"""Noise of tapes and records, and dither, are below it; music hardly ever is for seconds."""

_MAX_PROBES = 32
_PROBE_S = 1.0


def is_mostly_quiet(samples: Samples, sample_rate: int) -> bool:
    """Whether more than half of the seconds of `samples` [n] are quiet. A constant makes no sound."""
    step = max(1, min(sample_rate, len(samples)))
    blocks = len(samples) // step
    sounding = 0
    for number in range(blocks):
        sounding += not is_faint(samples[number * step : (number + 1) * step])
        if 2 * sounding >= blocks:
            return False
    return True


def is_faint(samples: Samples) -> bool:
    """Whether the root mean square of `samples` [n], without a constant in it, is below QUIET_DBFS."""
    if len(samples) == 0:
        return True
    with np.errstate(over="ignore", invalid="ignore"):  # samples near the largest float
        mean = float(samples.sum()) / len(samples)
        power = float(np.dot(samples, samples)) / len(samples) - mean * mean
    return bool(power < 10.0 ** (QUIET_DBFS / 10.0))


def probe_starts_s(duration_s: float) -> list[float]:
    """Where to listen for a second in order to find out what sounds: up to 32 places, evenly spaced."""
    count = max(1, min(_MAX_PROBES, int(duration_s / _PROBE_S)))
    return [max(0.0, (number + 0.5) * duration_s / count - _PROBE_S / 2) for number in range(count)]


def window_where_it_sounds(sounding_s: list[float], drawn_s: float, length_s: float, duration_s: float) -> float | None:
    """The start of the window that contains most of the seconds that begin at `sounding_s`; None if there are none.

    Of several such windows, the one nearest to the drawn start.
    """
    last = max(0.0, duration_s - length_s)
    margin = duration_s / _MAX_PROBES / 2
    edges = [edge for at in sounding_s for edge in (at - margin, at + _PROBE_S + margin - length_s)]
    starts = [min(max(0.0, edge), last) for edge in edges]

    def worth(start: float) -> tuple[int, float]:
        inside = sum(start <= at and at + _PROBE_S <= start + length_s for at in sounding_s)
        return inside, -abs(start - drawn_s)

    return max(starts, key=worth, default=None)
