"""Intervals: how far a figure would move with other tracks or other folds."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

TrackRows = npt.NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 1000
LEAST_ARTISTS = 5
"""With fewer artists, resampling them says little about others."""


class Interval(BaseModel):
    """A mean and its 95 % interval; low and high are null if there are too few values or artists to tell."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mean: float
    low: float | None
    high: float | None

    def text(self, show: Callable[[float], str]) -> str:
        """The interval in words, each number formatted by `show`."""
        if self.low is None or self.high is None:
            return "too few artists to tell"
        return f"95 %: {show(self.low)} to {show(self.high)}"


def fold_interval(values: Sequence[float], folds: int | None = None) -> Interval:
    """Student's t interval of the mean of `values` [n], figures from 0 to 1 of folds or seeds, clipped to [0, 1].

    folds: of one cross-validation, if `values` are those of several over the same tracks: repeating it makes the mean
    more stable, but adds no tracks. Folds share training tracks and are not independent, so the interval is too narrow
    if anything (Bengio and Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation", JMLR 2004).
    Raises ValueError if there are no values.
    """
    from scipy.stats import t

    if not values:
        raise ValueError("an interval takes at least one value")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean=mean, low=None, high=None)
    counted = len(values) if folds is None or folds < 2 else folds
    reach = float(t.ppf((1 + LEVEL) / 2, counted - 1) * np.std(values, ddof=1) / np.sqrt(counted))
    return Interval(mean=mean, low=max(0.0, mean - reach), high=min(1.0, mean + reach))


def grouped_bootstrap(
    figure: Callable[[TrackRows], float],
    groups: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    reflected: bool = False,
) -> Interval:
    """The percentile interval of `figure(rows)` over tracks whose artists are resampled with replacement.

    groups: [n], the artist of each track. All tracks of a drawn artist are drawn with it, because they are alike:
    drawing single tracks would make the interval too narrow (the cluster bootstrap of Davison and Hinkley, "Bootstrap
    Methods and their Application", 1997, section 3.8). `mean` is the figure of the tracks as they are. The seed is
    fixed, so the same tracks always give the same interval. There is none with fewer than LEAST_ARTISTS, or if all
    resamples give the same figure: that would look like certainty. Resamples for which the figure is NaN do not count.
    reflected: for figures that resampling moves up: the interval is reflected at `mean`, holds it, and is cut at 0.
    """
    mean = figure(np.arange(len(groups)))
    members = _GroupRows(groups)
    if members.groups < LEAST_ARTISTS:
        return Interval(mean=mean, low=None, high=None)
    rng = np.random.default_rng(seed)
    figures = [figure(members.rows(rng.integers(0, members.groups, members.groups))) for _ in range(resamples)]
    low, high = np.nanquantile(figures, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if low == high:
        return Interval(mean=mean, low=None, high=None)
    if reflected:
        low, high = max(0.0, min(mean, 2 * mean - high)), max(mean, 2 * mean - low)
    return Interval(mean=mean, low=float(low), high=float(high))


def mean_interval(values: npt.NDArray[np.floating | np.bool_], groups: Sequence[str]) -> Interval:
    """The interval of the mean of `values` [n], by `grouped_bootstrap`."""
    return grouped_bootstrap(lambda rows: float(values[rows].mean()), groups)


class _GroupRows:
    """The rows of each group, for any drawing of groups: without a loop, because a corpus may name 100,000 artists."""

    def __init__(self, groups: Sequence[str]) -> None:
        _, numbers = np.unique(np.asarray(groups), return_inverse=True)
        self._order = np.argsort(numbers, kind="stable")
        self._counts = np.bincount(numbers)
        self._starts = np.cumsum(self._counts) - self._counts
        self.groups = len(self._counts)

    def rows(self, drawn: TrackRows) -> TrackRows:
        """The rows of the `drawn` groups, one after another."""
        counts = self._counts[drawn]
        before = np.cumsum(counts) - counts
        within = np.arange(counts.sum()) - np.repeat(before, counts)
        rows: TrackRows = self._order[np.repeat(self._starts[drawn], counts) + within]
        return rows
