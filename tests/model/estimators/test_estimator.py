"""Vectors of segments, and votes with a doubt."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.model.estimators.estimator import doubtful, flat


def test_a_segment_is_a_vector_row_after_row() -> None:
    segments = np.arange(12, dtype=np.float16).reshape(2, 2, 3)
    vectors = flat(segments)
    assert vectors.dtype == np.float64
    assert vectors.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert flat(segments[:0]).shape == (0, 6)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12).filter(lambda row: sum(row) > 0.1), st.integers(1, 2000))
def test_any_votes_become_probabilities_and_no_genre_is_impossible(row: list[float], votes: int) -> None:
    shares = np.array([row]) / sum(row)
    probabilities = np.exp(doubtful(shares, votes).astype(np.float64))
    assert abs(probabilities.sum() - 1.0) < 1e-5
    assert probabilities.min() >= 0.99 / (votes + 1) / len(row)


def test_one_vote_more_is_divided_among_all() -> None:
    assert np.allclose(np.exp(doubtful(np.array([[1.0, 0.0]]), 4)), [[4.5 / 5, 0.5 / 5]])
