"""Labelled segments that any classifier can tell apart."""

import numpy as np

from genre_batch.features.front_end import Segments
from genre_batch.model.estimators.estimator import Labels

ROWS, COLUMNS = 6, 40
GENRES = 5
"""Of which the segments have 0, 2 and 4 only."""


def separable(n: int = 90, seed: int = 0) -> tuple[Segments, Labels]:
    """Segments [n, ROWS, COLUMNS] float16 of noise, with another mean in two rows for each genre, and labels [n]."""
    random = np.random.default_rng(seed)
    labels = (np.arange(n, dtype=np.int64) % 3) * 2
    segments = random.standard_normal((n, ROWS, COLUMNS))
    segments[:, [0, 3]] += labels[:, None, None]
    return segments.astype(np.float16), labels
