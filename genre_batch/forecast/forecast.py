"""What a run will take in time, cores, requests, bytes and money, extrapolated from the tracks of a sample."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from pydantic import BaseModel, ConfigDict

from genre_batch.forecast.prices import PriceList
from genre_batch.wording import duration, plural, size

_START_S, _START_CPU_S = 8.0, 9.0
"""Starting Ray, its workers and their libraries on two cores, measured in docs/performance.md."""

_OVERHEAD = 1.07
"""Ray and the driver on top of the actors' own CPU. A finished run reports how close the forecast came."""

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
    """The sampled tracks of one format. tracks: how many tracks of that format the whole run has."""

    tracks: int
    probed: tuple[ProbedTrack, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """The cores and GPUs that the run would hold."""

    cores: float
    gpus: float


class Estimate(BaseModel):
    """An expected value and its 95 % interval, which covers the choice of the sample and nothing else.

    low and high equal mean where every track was probed, and where too few were to estimate the spread.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mean: float
    low: float
    high: float

    def times(self, factor: float, plus: float = 0.0) -> "Estimate":
        """Each of the three values multiplied by `factor`, then increased by `plus`."""
        return Estimate(mean=self.mean * factor + plus, low=self.low * factor + plus, high=self.high * factor + plus)

    def text(self, show: Callable[[float], str]) -> str:
        """The value and, if it has a width, its interval, each number formatted by `show`."""
        if self.low == self.high:
            return show(self.mean)
        return f"{show(self.mean)} ({show(self.low)} to {show(self.high)})"


class Forecast(BaseModel):
    """What a run over `tracks` tracks will take. money: null without a price list.

    hours: from start to end. core_hours: cores held during that time. cpu_hours: the part of those spent working.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: int
    probed: int
    cores: float
    gpus: float
    hours: Estimate
    cpu_hours: Estimate
    core_hours: Estimate
    gpu_hours: Estimate
    reads: Estimate
    writes: int
    bytes_read: Estimate
    money: Estimate | None = None
    currency: str | None = None

    def summary(self) -> str:
        """The forecast as lines for a terminal."""
        rows = [("time", f"about {self.hours.text(_hours)}"), ("core time", self.core_hours.text(_hours))]
        if self.gpus:
            rows.append(("GPU time", self.gpu_hours.text(_hours)))
        rows += [("data read", self.bytes_read.text(size)), ("reads", self.reads.text(_number))]
        rows.append(("writes", f"{self.writes:,}"))
        if self.money is not None:
            rows.append((f"cost, {self.currency}", self.money.text(_amount)))
        held = f"{self.cores:g} {'core' if self.cores == 1 else 'cores'}"
        held += f" and {self.gpus:g} {'GPU' if self.gpus == 1 else 'GPUs'}" if self.gpus else ""
        title = f"forecast from {plural(self.probed, 'track')} tried, for a run on {held}:"
        width = max(len(name) for name, _ in rows)
        lines = [title, *(f"  {name:<{width}}  {text}" for name, text in rows)]
        if self.hours.low == self.hours.high and self.probed < self.tracks:
            lines.append("  too few tracks were tried to tell how far off this may be; try more: forecast.tracks")
        return "\n".join(lines)


def make_forecast(
    strata: Sequence[ProbedStratum], allocation: Allocation, *, shards: int, staged: int, listed: int
) -> Forecast:
    """The forecast, without money, for the tracks of all `strata` on the cores and GPUs of `allocation`.

    shards: how many there are. staged: parts of shards that are staged. listed: objects listed in the source. Raises
    ValueError if no track was probed.
    """
    if not any(stratum.probed for stratum in strata):
        raise ValueError("no track was tried")
    cpu_s = estimate_total(strata, lambda track: track.cpu_s)
    hours = cpu_s.times(_OVERHEAD / allocation.cores, plus=_START_S).times(1 / 3600)
    return Forecast(
        tracks=sum(stratum.tracks for stratum in strata),
        probed=sum(len(stratum.probed) for stratum in strata),
        cores=allocation.cores,
        gpus=allocation.gpus,
        hours=hours,
        cpu_hours=cpu_s.times(_OVERHEAD, plus=_START_CPU_S).times(1 / 3600),
        core_hours=hours.times(allocation.cores),
        gpu_hours=hours.times(allocation.gpus),
        reads=estimate_total(strata, lambda track: track.reads),
        writes=_WRITES_A_SHARD * shards + staged + math.ceil(listed / _LISTED_A_REQUEST),
        bytes_read=estimate_total(strata, lambda track: track.bytes_read),
    )


def with_money(forecast: Forecast, prices: PriceList) -> Forecast:
    """`forecast` with its cost at `prices`."""
    mean, low, high = (
        prices.total(
            core_hours=end(forecast.core_hours),
            gpu_hours=end(forecast.gpu_hours),
            reads=end(forecast.reads),
            writes=forecast.writes,
            bytes_read=end(forecast.bytes_read),
        )
        for end in map(attrgetter, ("mean", "low", "high"))
    )
    money = Estimate(mean=mean, low=low, high=high)
    return forecast.model_copy(update={"money": money, "currency": prices.currency})


def estimate_total(strata: Sequence[ProbedStratum], cost: Callable[[ProbedTrack], float]) -> Estimate:
    """The sum of `cost` over all tracks: the stratified estimate with Student's t interval (Cochran 1977, 5.4)."""
    # scipy.stats offers the same quantile but takes a second to load, and every run loads this module
    from scipy.special import stdtrit

    mean, variance, degrees = 0.0, 0.0, 0
    for stratum in strata:
        if not stratum.probed:
            continue
        values = np.array([cost(track) for track in stratum.probed], np.float64)
        mean += stratum.tracks * float(values.mean())
        if 1 < len(values) < stratum.tracks:
            left_out = 1.0 - len(values) / stratum.tracks
            variance += stratum.tracks**2 * left_out * float(values.var(ddof=1)) / len(values)
            degrees += len(values) - 1
    spread = float(stdtrit(degrees, (1.0 + _CONFIDENCE) / 2)) * math.sqrt(variance) if degrees else 0.0
    return Estimate(mean=mean, low=max(0.0, mean - spread), high=mean + spread)


def _hours(hours: float) -> str:
    return duration(hours * 3600)


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
