"""What a run will take, reckoned from a few tracks that were tried: pure arithmetic, with intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.run.price_list import PriceList

_START_S, _START_CPU_S = 8.0, 9.0
"""Ray, its workers and their libraries, on two cores: what a run takes beside its tracks (docs/performance.md)."""

_BESIDE_THE_TRACKS = 1.07
"""An allowance for Ray and the driver on top of the actors' own CPU; a run's hindsight shows how good it is."""

_WRITES_A_SHARD = 3
_LISTED_A_REQUEST = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ProbedTrack:
    """What one track of the sample took."""

    cpu_s: float
    bytes_read: int
    reads: int


@dataclass(frozen=True, slots=True)
class ProbedStratum:
    """The tracks of a format that were tried, and how many of them the run has in all."""

    tracks: int
    probed: tuple[ProbedTrack, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """Cores and GPUs that the run would use."""

    cores: float
    gpus: float


class Interval(BaseModel):
    """The expected value and the bounds of its 95 % interval, as far as the choice of the sample matters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mean: float
    low: float
    high: float

    def times(self, factor: float, plus: float = 0.0) -> "Interval":
        """All three values times `factor`, and then `plus`."""
        return Interval(mean=self.mean * factor + plus, low=self.low * factor + plus, high=self.high * factor + plus)


class Forecast(BaseModel):
    """What a run over `tracks` tracks will take. money: null without a price list.

    hours: from start to end. core_hours: cores held in that time. cpu_hours: of those, hours of work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    probed: int
    cores: float
    gpus: float
    hours: Interval
    cpu_hours: Interval
    core_hours: Interval
    gpu_hours: Interval
    reads: Interval
    writes: int
    bytes_read: Interval
    money: Interval | None = None
    currency: str | None = None

    def summary(self) -> str:
        """The forecast in lines for people."""
        lines = [f"forecast from {self.probed:,} tracks that were tried; cores: {self.cores:g}, GPUs: {self.gpus:g}"]
        rows = [
            ("hours", self.hours),
            ("core-hours", self.core_hours),
            ("GPU-hours", self.gpu_hours),
            ("reads", self.reads),
            ("GB read", self.bytes_read.times(1e-9)),
        ]
        if self.money is not None:
            rows.append((f"{self.currency}", self.money))
        lines += [f"  {name:<12} {_figure(x.mean):>10}  ({_figure(x.low)} to {_figure(x.high)})" for name, x in rows]
        return "\n".join([*lines, f"  {'writes':<12} {self.writes:>10,}"])


def forecast(strata: Sequence[ProbedStratum], offer: Offer, *, shards: int, staged: int, listed: int) -> Forecast:
    """What the tracks of all `strata` take on `offer`, without money. Raises ValueError where none was tried.

    They make so many shards, and so many parts of shards that are staged.
    """
    if not any(stratum.probed for stratum in strata):
        raise ValueError("no track was tried")
    cpu_s = total(strata, lambda track: track.cpu_s).times(_BESIDE_THE_TRACKS, plus=_START_CPU_S)
    working_s = total(strata, lambda track: track.cpu_s).times(_BESIDE_THE_TRACKS / offer.cores, plus=_START_S)
    hours = working_s.times(1 / 3600)
    return Forecast(
        tracks=sum(stratum.tracks for stratum in strata),
        probed=sum(len(stratum.probed) for stratum in strata),
        cores=offer.cores,
        gpus=offer.gpus,
        hours=hours,
        cpu_hours=cpu_s.times(1 / 3600),
        core_hours=hours.times(offer.cores),
        gpu_hours=hours.times(offer.gpus),
        reads=total(strata, lambda track: track.reads),
        writes=_WRITES_A_SHARD * shards + staged + math.ceil(listed / _LISTED_A_REQUEST),
        bytes_read=total(strata, lambda track: track.bytes_read),
    )


def priced(made: Forecast, prices: PriceList) -> Forecast:
    """The same forecast with what it costs."""
    terms = [
        made.core_hours.times(prices.core_hour),
        made.gpu_hours.times(prices.gpu_hour),
        made.reads.times(prices.thousand_reads / 1000),
        made.bytes_read.times(prices.gigabyte_read / 1e9, plus=made.writes * prices.thousand_writes / 1000),
    ]
    mean, low, high = (sum(values) for values in zip(*((x.mean, x.low, x.high) for x in terms), strict=True))
    return made.model_copy(update={"money": Interval(mean=mean, low=low, high=high), "currency": prices.currency})


def total(strata: Sequence[ProbedStratum], of: Callable[[ProbedTrack], float]) -> Interval:
    """The sum over all tracks: the stratified estimate with its 95 % interval, by Student's t (Cochran 1977, 5.4)."""
    # scipy.stats has it too, but takes a second to load, and every run loads this module
    from scipy.special import stdtrit

    mean, variance, degrees = 0.0, 0.0, 0
    for stratum in strata:
        if not stratum.probed:
            continue
        values = np.array([of(track) for track in stratum.probed], np.float64)
        mean += stratum.tracks * float(values.mean())
        if 1 < len(values) < stratum.tracks:
            left_out = 1.0 - len(values) / stratum.tracks
            variance += stratum.tracks**2 * left_out * float(values.var(ddof=1)) / len(values)
            degrees += len(values) - 1
    spread = float(stdtrit(degrees, (1.0 + _CONFIDENCE) / 2)) * math.sqrt(variance) if degrees else 0.0
    return Interval(mean=mean, low=max(0.0, mean - spread), high=mean + spread)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
