"""Checks of the state of a fitted scikit-learn classifier, made before it answers.

scikit-learn's compiled code follows the indices in a model unchecked: a forged model can crash the process or read
memory that it should not. `skops_archive` checks the types of the parts, which does not prevent that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from genre_batch.model.estimators.arrays import damaged


@contextmanager
def checking() -> Iterator[None]:
    """Turn errors of a check of a forged model (a missing attribute, a string for a number) into a UsageError."""
    try:
        yield
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise damaged(f"its model is incomplete ({type(error).__name__}: {error})") from error


def demand(met: object, what: str) -> None:
    """Raise UsageError unless `met`."""
    if not met:
        raise damaged(f"the {what} of its model cannot belong to such a classifier")


def check_classes(state: Mapping[str, object], n_values: int, n_genres: int) -> int:
    """The number of classes, which must be indices below `n_genres` in ascending order."""
    classes = state["classes_"]
    demand(state["n_features_in_"] == n_values, "number of values of a segment")
    demand(type(classes) is np.ndarray and classes.ndim == 1 and len(classes) > 1, "classes")
    assert isinstance(classes, np.ndarray)
    demand(classes.dtype == np.int64 and (np.diff(classes) > 0).all(), "classes")
    demand(classes[0] >= 0 and classes[-1] < n_genres, "classes")
    return len(classes)


def is_array(array: object, dtype: type[np.generic], *shape: int) -> bool:
    """Whether `array` has this `dtype` and `shape`, is contiguous in memory, and is finite."""
    if type(array) is not np.ndarray or array.dtype != dtype or array.shape != shape:
        return False
    return (array.flags.c_contiguous or array.flags.f_contiguous) and bool(np.isfinite(array).all())
