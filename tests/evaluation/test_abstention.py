"""Who is answered, and what the answers are worth."""

import numpy as np
import pytest

from genre_batch.evaluation.abstention import answer_intervals, answered, genre_answers
from genre_batch.model.scores import Taxonomy, to_score

GENRES = ["blues", "jazz", "rock"]
THRESHOLDS = {"blues": 0.6, "jazz": 0.5}


def test_the_rule_is_that_of_a_score() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 50).astype(np.float32)
    scores = [to_score(each, Taxonomy(genres=GENRES), THRESHOLDS, segments=1) for each in probabilities]
    given = answered(probabilities, THRESHOLDS, GENRES)
    assert given.tolist() == [not score.abstained for score in scores]
    assert 0 < given.sum() < 50


def test_the_answers_by_genre() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.55, 0.4, 0.05], [0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.4, 0.45, 0.15]])
    labels, artists = np.array([0, 0, 1, 1, 1]), ["a", "b", "c", "d", "e"]
    given = answered(probabilities, THRESHOLDS, GENRES)
    blues, jazz, rock = genre_answers(probabilities, labels, given, THRESHOLDS, GENRES, artists).values()
    assert (blues.threshold, blues.given, blues.precision) == (0.6, 2, 0.5)
    assert (blues.answered, blues.answered_accuracy) == (0.5, 1.0)
    assert (jazz.given, jazz.precision, jazz.answered_accuracy) == (1, 1.0, 0.5)
    assert jazz.answered == pytest.approx(2 / 3)
    assert rock.model_dump() == {
        "threshold": None,
        "given": 0,
        "precision": None,
        "answered": None,
        "answered_accuracy": None,
        "intervals": {},
    }
    assert {name: (each.mean, each.low) for name, each in blues.intervals.items()} == {
        "precision": (0.5, None),
        "answered": (0.5, None),
        "answered_accuracy": (1.0, None),
    }


def test_the_shares_of_enough_artists_have_intervals() -> None:
    right, every = np.arange(40) % 3 > 0, np.ones(40, np.bool_)
    artists = np.array([str(number // 2) for number in range(40)])
    found = answer_intervals({"right": (right, every), "of none": (right, ~every)}, artists)
    assert list(found) == ["right"]
    assert found["right"].low is not None
    assert found["right"].low < right.mean() < found["right"].high  # type: ignore[operator]
