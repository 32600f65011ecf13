"""The rows of the serving table: their times and their values."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from outputs import make_run, write_rows
from publish.histories import Place, night, rows, run

from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.model.scores import Score
from genre_batch.publish import pointer
from genre_batch.publish.pointer import read_published, steps
from genre_batch.sink.schema import ScoredTrack
from genre_batch.storage.local import LocalStore


def test_a_row_carries_the_time_of_its_step_even_if_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Place = LocalStore(), str(tmp_path)
    night(place, 0, {"a:v1": "rock"})
    run(place)
    now = read_published(*place)
    assert now is not None

    class Clock:
        """An hour slow."""

        @staticmethod
        def now(zone: object) -> datetime:
            return now.at - timedelta(hours=1)

    monkeypatch.setattr(pointer, "datetime", Clock)
    for day in (1, 2, 3):
        night(place, day, {f"a:v{day + 1}": f"genre {day}"})
        run(place)
    times = [step.at for step in steps(*place)][::-1]
    assert times == sorted(set(times))
    assert rows(place)["event_timestamp"].tolist() == times
    assert rows(place)["genre"].tolist() == ["rock", "genre 1", "genre 2", "genre 3"]


def test_abstentions_and_embeddings_are_kept_as_they_are(tmp_path: Path) -> None:
    place: Place = LocalStore(), str(tmp_path)
    half = np.array([0.5, -0.25], "<f2")
    facts = TrackFacts(30.0, 15.0, "soundfile", 44_100, 2)
    scores = {
        "a": Score(None, 0.25, (("rock", 0.25), ("jazz", 0.25), ("pop", 0.25), ("folk", 0.25)), True, 10),
        "b": Score("rock", 0.75, (("rock", 0.75),), False, 10, embedding=half.tobytes()),
    }
    answered = [ScoredTrack(Track(name, f"s3://m/{name}", "v1", 9), facts, score) for name, score in scores.items()]
    write_rows(*place, make_run(0, 2), answered)
    run(place)
    found = rows(place).set_index("track_id")
    a, b = (found.loc[name].to_dict() for name in "ab")
    assert (found["genre"].isna().tolist(), a["confidence"], a["abstained"]) == ([True, False], 0.25, True)
    assert (a["genre_2"], a["genre_3"], a["confidence_3"], a["embedding"]) == ("jazz", "pop", 0.25, None)
    assert (b["genre"], b["abstained"]) == ("rock", False)
    assert b["embedding"].tolist() == half.tolist()
