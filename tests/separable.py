"""Labelled segments that are easy to classify."""

import numpy as np

from genre_batch.features.segments import Segments
from genre_batch.model.scores import Labels

ROWS, COLUMNS = 6, 40
GENRES = 5
"""How many genres there are. The segments belong to genres 0, 2 and 4 only."""


def separable(n: int = 90, seed: int = 0) -> tuple[Segments, Labels]:
    """Segments of noise [n, ROWS, COLUMNS] float16, where the mean of two rows depends on the genre, and labels [n]."""
    random = np.random.default_rng(seed)
    labels = (np.arange(n, dtype=np.int64) % 3) * 2
    segments = random.standard_normal((n, ROWS, COLUMNS))
    segments[:, [0, 3]] += labels[:, None, None]
    return segments.astype(np.float16), labels
