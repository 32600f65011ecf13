"""The nearest segments."""

import numpy as np
from separable import GENRES, separable

from genre_batch.model.estimators.neighbours import NeighboursSettings


def test_the_answer_is_the_shares_of_the_nearest_with_one_undecided_vote_more() -> None:
    places = np.array([0.0, 1.0, 2.0, 10.0])
    segments = places[:, None, None] * np.ones((4, 1, 2))
    model = NeighboursSettings(k=3).fit(segments.astype(np.float32), np.array([0, 1, 1, 2]), 4, seed=0)
    probabilities = np.exp(model.log_probabilities(np.zeros((1, 1, 2), np.float32)))
    assert np.allclose(probabilities, [[1.25 / 4, 2.25 / 4, 0.25 / 4, 0.25 / 4]])
    assert model.parameters == 4 * 2 + 4


def test_half_precision_is_compared_in_double() -> None:
    segments, labels = separable()
    far = (segments.astype(np.float32) + 3e4).astype(np.float16)
    model = NeighboursSettings(k=1).fit(far, labels, GENRES, seed=0)
    assert np.isfinite(model.log_probabilities(far)).all()
