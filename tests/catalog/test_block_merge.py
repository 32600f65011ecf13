from itertools import chain

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.block_merge import SortedRun, merge
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
            run.skip(bound)
            left = [track for track in left if track.track_id >= bound]
        else:
            taken = list(one_by_one(run.take(bound)))
            assert taken == [track for track in left if track.track_id <= bound]
            left = left[len(taken) :]
        assert run.ended == (not left)


def test_runs_one_after_the_other_are_passed_on_as_they_are() -> None:
    batches = [to_batch([Track(f"{number}", "", "", 1)]) for number in range(4)]
    assert all(one is other for one, other in zip(merge([iter(batches[:2]), iter(batches[2:])]), batches, strict=True))


def test_empty_batches_are_no_end() -> None:
    batches = [to_batch([]), to_batch([Track("a", "", "", 1)]), to_batch([]), to_batch([Track("b", "", "", 1)])]
    merged = pa.Table.from_batches(merge([iter(batches), iter([])]))
    assert merged["track_id"].to_pylist() == ["a", "b"]
