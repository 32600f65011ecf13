"""The most confident mistakes, in order."""

import numpy as np
import pytest

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.evaluation.mistakes import worst_mistakes

GENRES = ["blues", "jazz", "rock"]
PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.98, 0.01, 0.01]])
LABELS = np.array([2, 1, 0, 0])
TRACKS = [
    LabelledTrack(Track(f"{n}.wav", f"/music/{n}.wav", "e", 1), GENRES[label], "") for n, label in enumerate(LABELS)
]


def test_the_most_confident_one_comes_first() -> None:
    worst = worst_mistakes(PROBABILITIES, LABELS, TRACKS, GENRES)
    assert [mistake.track_id for mistake in worst] == ["1.wav", "2.wav", "0.wav"]
    assert [(mistake.genre, mistake.answer) for mistake in worst] == [
        ("jazz", "blues"),
        ("blues", "jazz"),
        ("rock", "blues"),
    ]
    assert worst[0].confidence == pytest.approx(0.9)
    assert worst[0].genre_probability == pytest.approx(0.1)


def test_there_are_not_more_than_asked_for() -> None:
    assert [mistake.track_id for mistake in worst_mistakes(PROBABILITIES, LABELS, TRACKS, GENRES, most=1)] == ["1.wav"]
