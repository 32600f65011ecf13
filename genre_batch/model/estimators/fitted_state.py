"""What scikit-learn keeps of a fitted classifier, checked before it is asked.

Its compiled code follows the indices it is given without looking where they lead: a forged model ends the process or
reads what it should not. The types of its parts, which `skops_archive` checks, say nothing of that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from genre_batch.model.estimators.arrays import damaged


@contextmanager
def checking() -> Iterator[None]:
    """Turn what a forged model makes of a check (a missing attribute, a text for a number) into a UsageError."""
    try:
        yield
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise damaged(f"its model is not whole ({type(error).__name__}: {error})") from error


def demand(met: object, what: str) -> None:
    """Raise UsageError unless `met`."""
    if not met:
        raise damaged(f"the {what} of its model cannot be those of such a classifier")


def check_classes(state: Mapping[str, object], n_values: int, n_genres: int) -> int:
    """How many classes there are, which must be indices below `n_genres` in rising order."""
    classes = state["classes_"]
    demand(state["n_features_in_"] == n_values, "number of values of a segment")
    demand(type(classes) is np.ndarray and classes.ndim == 1 and len(classes) > 1, "classes")
    assert isinstance(classes, np.ndarray)
    demand(classes.dtype == np.int64 and (np.diff(classes) > 0).all(), "classes")
    demand(classes[0] >= 0 and classes[-1] < n_genres, "classes")
    return len(classes)


def is_array(array: object, dtype: type[np.generic], *shape: int) -> bool:
    """Whether `array` is one of `dtype` and `shape`, lies in memory without gaps, and is finite."""
    if type(array) is not np.ndarray or array.dtype != dtype or array.shape != shape:
        return False
    return (array.flags.c_contiguous or array.flags.f_contiguous) and bool(np.isfinite(array).all())
