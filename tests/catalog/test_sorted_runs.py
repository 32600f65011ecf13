import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog import sorted_runs
from genre_batch.catalog.sorted_runs import SortedRun, TrackRuns, merge
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, one_by_one, to_batch

IDS = st.lists(st.sampled_from(["", "a", "a\n", "b", "e\u0301", "é", "\ufffd", "😀", "\U0010ffff"]), max_size=12)


def run_of(ids: list[str], number: int) -> list[Track]:
    return [Track(track_id, f"{number}-{place}", "e", 1) for place, track_id in enumerate(sorted(ids))]


@given(st.lists(IDS, max_size=5), st.integers(1, 5))
def test_it_is_a_stable_sort_of_all_runs(ids: list[list[str]], rows: int) -> None:
    runs = [run_of(each, number) for number, each in enumerate(ids)]
    merged = merge([in_batches(run, rows) for run in runs])
    assert list(one_by_one(merged)) == sorted(chain(*runs), key=lambda track: track.track_id)


@given(IDS, st.lists(st.tuples(st.booleans(), st.sampled_from("abé😀"))), st.integers(1, 4))
def test_pieces_of_a_run_are_those_of_a_sorted_list(ids: list[str], moves: list[tuple[bool, str]], rows: int) -> None:
    left, run = run_of(ids, 0), SortedRun(in_batches(run_of(ids, 0), rows))
    for skips, bound in moves:
        if skips:
            assert all(row["track_id"] < bound for piece in run.take_before(bound) for row in piece.to_pylist())
            left = [track for track in left if track.track_id >= bound]
        else:
            taken = list(one_by_one(run.take(bound)))
            assert taken == [track for track in left if track.track_id <= bound]
            left = left[len(taken) :]
        assert run.ended == (not left)


def test_runs_that_do_not_overlap_are_passed_on_unchanged() -> None:
    batches = [to_batch([Track(f"{number}", "", "", 1)]) for number in range(4)]
    assert all(one is other for one, other in zip(merge([iter(batches[:2]), iter(batches[2:])]), batches, strict=True))


def test_empty_batches_do_not_end_a_run() -> None:
    batches = [to_batch([]), to_batch([Track("a", "", "", 1)]), to_batch([]), to_batch([Track("b", "", "", 1)])]
    merged = pa.Table.from_batches(merge([iter(batches), iter([])]))
    assert merged["track_id"].to_pylist() == ["a", "b"]


def track(track_id: str, uri: str = "") -> Track:
    return Track(track_id, uri or f"s3://music/{track_id}", "e", 1)


def test_tracks_come_out_in_utf8_order() -> None:
    ids = ["b", "a\n", "", "e\u0301", "\u00e9", "\ufffd", "\U0001f600", "a/", "a"]
    with TrackRuns() as runs:
        runs.add(map(track, ids))
        assert [each.track_id for each in runs.merged()] == sorted(ids, key=str.encode)


def test_tracks_with_the_same_id_keep_their_order_through_all_merges(monkeypatch) -> None:
    monkeypatch.setattr(sorted_runs, "_SORTED_AT_ONCE", 3)
    monkeypatch.setattr(sorted_runs, "_MERGED_AT_ONCE", 2)
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


def test_rows_of_another_schema_keep_their_columns() -> None:
    schema = pa.schema([("track_id", pa.string()), ("file", pa.int32())])
    with TrackRuns(schema) as runs:
        for number, ids in enumerate((["a", "c"], ["b", "c"])):
            runs.add_batches([pa.RecordBatch.from_pydict({"track_id": ids, "file": [number] * 2}, schema=schema)])
        rows = pa.Table.from_batches(runs.merged_batches())
    assert rows.to_pydict() == {"track_id": ["a", "b", "c", "c"], "file": [0, 1, 0, 1]}


def test_nothing_is_left_on_disk() -> None:
    with TrackRuns() as runs:
        runs.add([track("a")])
        folder = runs._folder.name
    with pytest.raises(FileNotFoundError):
        open(folder)  # noqa: PTH123, SIM115


_MEASURE = """
import random, resource
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.track import Track

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

order = list(range(300_000))
random.Random(1).shuffle(order)
tracks = (Track(f"{number:09d}", f"s3://music/{number:09d}", "e", 1) for number in order)
with TrackRuns() as runs:
    runs.add(next(tracks) for _ in range(60_000))
    before = peak_mb()
    runs.add(tracks)
    assert sum(1 for _ in runs.merged()) == 300_000
print(peak_mb() - before)
"""


@pytest.mark.slow
def test_memory_is_that_of_one_run() -> None:
    """In a process of its own, because the peak of this one may come from another test.

    It measures 11 MB; 240,000 tracks that are sorted at once take 43 MB.
    """
    command = [sys.executable, "-c", _MEASURE]
    growth_mb = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert growth_mb < 25


@given(st.lists(IDS, max_size=7))
def test_one_file_that_is_opened_for_each_batch_has_the_same_rows(ids: list[list[str]]) -> None:
    runs = [run_of(each, number) for number, each in enumerate(ids)]
    with pytest.MonkeyPatch.context() as patch, TrackRuns() as sorted_together:
        patch.setattr(sorted_runs, "_MERGED_AT_ONCE", 3)
        for run in runs:
            sorted_together.add_batches(in_batches(run, 2))
        found = list(one_by_one(sorted_together.merged_with_closed_files()))
    assert found == sorted(chain(*runs), key=lambda track: track.track_id)
