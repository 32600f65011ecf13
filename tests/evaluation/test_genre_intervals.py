"""Each genre says how many artists its recall hangs on."""

import numpy as np

from genre_batch.evaluation.genre_intervals import genre_intervals, recall_table

GENRES = ["blues", "jazz", "rock"]
LABELS = np.array([0] * 4 + [1] * 12)
ANSWERS = np.array([0, 0, 1, 0] + [1, 0, 1] * 4)
GROUPS = ["a", "a", "b", "b", *map(str, range(12))]


def test_few_artists_are_too_few_to_tell() -> None:
    found = genre_intervals(ANSWERS, LABELS, GROUPS, GENRES)
    blues, jazz, rock = (found[genre] for genre in GENRES)
    assert (blues.tracks, blues.artists) == (4, 2)
    assert blues.text() == "0.750  too few artists to tell"
    assert (jazz.tracks, jazz.artists) == (12, 12)
    assert jazz.recall is not None
    assert jazz.recall.low is not None
    assert jazz.recall.low < 8 / 12 < jazz.recall.high  # type: ignore[operator]
    assert (rock.tracks, rock.artists, rock.recall, rock.text()) == (0, 0, None, "no tracks")


def test_genres_without_tracks_are_not_listed() -> None:
    lines = recall_table(genre_intervals(ANSWERS, LABELS, GROUPS, GENRES))
    assert [line.split()[0] for line in lines] == ["blues", "jazz"]
    assert "4 tracks of     2 artists" in lines[0]


def test_precision_and_f1_are_those_of_the_answers() -> None:
    blues, jazz, rock = genre_intervals(ANSWERS, LABELS, GROUPS, GENRES).values()
    assert (blues.precision.mean, blues.f1.mean) == (3 / 7, 2 * 3 / (7 + 4))  # type: ignore[union-attr]
    assert blues.answered_artists == 6
    assert jazz.precision.mean == 8 / 9  # type: ignore[union-attr]
    assert jazz.f1 is not None
    assert jazz.f1.low is not None
    assert jazz.f1.low < jazz.f1.mean < jazz.f1.high  # type: ignore[operator]
    assert (rock.precision, rock.f1) == (None, None)
