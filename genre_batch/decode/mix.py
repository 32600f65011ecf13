"""How the channels of a window become one: their mean, or a single channel if the mean cancels the signal."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from genre_batch.decode.waveform import Planes, Samples, downmix

Channels = Literal["mean", "audible"]
"""How channels become one: always their mean, or a single channel if the mean cancels the signal."""

Mix = Callable[[Planes], Samples]
"""Planes, one array [n] float32 per channel, to a new array [n] float32."""

_CANCELLED = 0.01
"""The mean of channels has cancelled if it has less than this part of the energy of the loudest one (-20 dB)."""

_NEARLY_AS_LOUD = 0.5


class WatchedMean:
    """The mean over the channels, which also notices whether it may have cancelled them.

    Cheap, so that every track can have it: an upper bound of the energy of the loudest channel is enough.
    """

    def __init__(self) -> None:
        self._mean_energy = 0.0
        self._energy = 0.0

    def __call__(self, planes: Planes) -> Samples:
        """See Mix."""
        mono = downmix(planes)
        if len(planes) > 1:
            self._mean_energy += _energy(mono)
            # the sum over interleaved frames takes a fifth of that over their columns
            self._energy += _energy(planes.T.ravel()) if isinstance(planes, np.ndarray) else sum(map(_energy, planes))
        return mono

    @property
    def may_cancel(self) -> bool:
        """Whether MeasuredMean should have a look at the same samples."""
        return not self._mean_energy >= _CANCELLED * self._energy


class MeasuredMean:
    """The mean over the channels, which also measures how much of their energy is left in it.

    Channels of opposite sign (right = -left) cancel. All that is left of a lossy file is then the noise of its coding,
    which must not be labelled.
    """

    def __init__(self) -> None:
        self._mean_energy = 0.0
        self._energies: list[float] = []

    def __call__(self, planes: Planes) -> Samples:
        """See Mix."""
        mono = downmix(planes)
        if len(planes) > 1:
            self._energies += [0.0] * (len(planes) - len(self._energies))
            for channel, plane in enumerate(planes):
                self._energies[channel] += _energy(plane)
            self._mean_energy += _energy(mono)
        return mono

    def channel_instead(self) -> int | None:
        """The first channel that is nearly as loud as the loudest one, if the mean has cancelled; else None."""
        loudest = max(self._energies, default=0.0)
        if not self._mean_energy < _CANCELLED * loudest:
            return None
        return next(channel for channel, energy in enumerate(self._energies) if energy >= _NEARLY_AS_LOUD * loudest)


def _energy(samples: Samples) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # samples near the largest float
        return float(np.dot(samples, samples))


def only_channel(channel: int) -> Mix:
    """The mix that takes one channel, or the last one of frames that have fewer."""
    return lambda planes: np.array(planes[min(channel, len(planes) - 1)])


def loudest_channel(planes: Planes) -> Samples:
    """The mix that takes the channel with the most energy. For finding out whether anything sounds."""
    return max(planes, key=_energy).copy()
