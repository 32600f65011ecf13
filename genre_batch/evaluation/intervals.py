"""How far a figure would move on other tracks, or in other folds."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Rows = npt.NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 1000


class Interval(BaseModel):
    """A mean and the ends of its 95 % interval; `low` and `high` are null where one value alone gives none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mean: float
    low: float | None
    high: float | None


def fold_interval(values: Sequence[float], folds: int | None = None) -> Interval:
    """Student's t interval of the mean of `values` [n] (figures from 0 to 1 of folds or seeds), kept within 0 and 1.

    folds: of one cross-validation, where `values` are those of several over the same tracks: repeating it makes the
    mean steadier, and the tracks no more. Folds share training tracks and are not independent, so the interval is
    rather too narrow than too wide (Bengio and Grandvalet, "No Unbiased Estimator of the Variance of K-Fold
    Cross-Validation", JMLR 2004). Raises ValueError where there is no value.
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
    figure: Callable[[Rows], float], groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The percentile interval of `figure(rows)` over tracks whose artists are drawn anew, with replacement.

    groups: [n], the artist of each track. All tracks of a drawn artist come along, since they are alike: drawing
    single tracks would promise more than the data hold (the cluster bootstrap of Davison and Hinkley, "Bootstrap
    Methods and their Application", 1997, section 3.8). `mean` is the figure of all tracks as they are. The seed is
    fixed, so the same tracks always give the same interval.
    """
    mean = figure(np.arange(len(groups)))
    members = _rows_by_group(groups)
    if len(members) == 1:
        return Interval(mean=mean, low=None, high=None)
    draws = np.random.default_rng(seed).integers(0, len(members), (resamples, len(members)))
    figures = [figure(np.concatenate([members[group] for group in drawn])) for drawn in draws]
    low, high = np.quantile(figures, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean=mean, low=float(low), high=float(high))


def _rows_by_group(groups: Sequence[str]) -> list[Rows]:
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    return [np.flatnonzero(numbers == number) for number in range(len(names))]
