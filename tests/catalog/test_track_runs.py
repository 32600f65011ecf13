import random
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest

from genre_batch.catalog import track_runs
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns


def track(track_id: str, uri: str = "") -> Track:
    return Track(track_id, uri or f"s3://music/{track_id}", "e", 1)


def test_tracks_come_out_in_utf8_order() -> None:
    ids = ["b", "a\n", "", "e\u0301", "\u00e9", "\ufffd", "\U0001f600", "a/", "a"]
    with TrackRuns() as runs:
        runs.add(map(track, ids))
        assert [each.track_id for each in runs.merged()] == sorted(ids, key=str.encode)


def test_tracks_with_one_id_stay_in_order_through_all_merges(monkeypatch) -> None:
    monkeypatch.setattr(track_runs, "_SORTED_AT_ONCE", 3)
    monkeypatch.setattr(track_runs, "_MERGED_AT_ONCE", 2)
    tracks = [track(f"{number % 5}", f"s3://music/{number:03d}") for number in range(200)]
    with TrackRuns() as runs:
        runs.add(tracks)
        assert list(runs.merged()) == sorted(tracks, key=lambda each: each.track_id)


def test_runs_may_be_added_by_several_threads() -> None:
    with TrackRuns() as runs:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: runs.add_sorted(track(f"{n:02d}-{row:04d}") for row in range(1500)), range(20)))
        assert [each.track_id for each in runs.merged()] == [
            f"{n:02d}-{row:04d}" for n in range(20) for row in range(1500)
        ]


def test_nothing_is_left_on_disk() -> None:
    with TrackRuns() as runs:
        runs.add([track("a")])
        folder = runs._folder.name
    with pytest.raises(FileNotFoundError):
        open(folder)  # noqa: PTH123, SIM115


@pytest.mark.slow
def test_memory_is_that_of_one_run() -> None:
    order = list(range(300_000))
    random.Random(1).shuffle(order)
    with TrackRuns() as runs:
        runs.add(track(f"{number:09d}") for number in order[:60_000])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        runs.add(track(f"{number:09d}") for number in order[60_000:])
        assert sum(1 for _ in runs.merged()) == 300_000
    growth_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert growth_mb < 60
