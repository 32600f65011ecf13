from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import make_track

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, one_by_one
from genre_batch.sink import anti_join
from genre_batch.sink.anti_join import new_rows

COLUMNS = ["track_id", "etag", "reason"]
NAMES = st.sampled_from(["a", "b", "c", "ca", "Z", "é", "e\u0301", "\n", "🎵", "1:a", "a:", ":"])
ETAGS = st.sampled_from(["", "v1", "v2", "a", ":", "1:a", "é"])
REASONS = st.sampled_from([None, "corrupt", "silent", "gone"])
RUN = st.dictionaries(st.tuples(NAMES, ETAGS), REASONS, max_size=12)
Run = dict[tuple[str, str], str | None]
"""What a run made of each version of a track: None for an answer, else the reason of a reject."""

AGAIN = {"gone", "silent"}


def in_rows(run: Run, rows: int) -> Iterator[pa.RecordBatch]:
    ordered = [(name, etag, run[name, etag]) for name, etag in sorted(run)]
    for start in range(0, len(ordered), rows):
        columns = zip(*ordered[start : start + rows], strict=True)
        yield pa.RecordBatch.from_arrays([pa.array(each, pa.string()) for each in columns], names=COLUMNS)


def left(tracks: list[Track], runs: list[Run], rows: int = 2) -> list[Track]:
    return list(one_by_one(new_rows(in_batches(tracks, rows), [in_rows(run, rows) for run in runs], AGAIN)))


def is_done(track: Track, runs: list[Run]) -> bool:
    """The rule, one track at a time."""
    key = track.track_id, track.etag
    outcomes = [run[key] for run in runs if key in run]
    return None in outcomes or (bool(outcomes) and outcomes[-1] not in AGAIN)


@given(st.dictionaries(NAMES, ETAGS), st.lists(RUN, max_size=4), st.integers(1, 4), st.integers(1, 4))
def test_it_is_what_a_look_at_each_track_gives(
    catalog: dict[str, str], runs: list[Run], rows: int, at_once: int
) -> None:
    tracks = [Track(name, name, etag, 1) for name, etag in sorted(catalog.items())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anti_join, "_COMPARED_ROWS", at_once)
        assert left(tracks, runs, rows) == [track for track in tracks if not is_done(track, runs)]


def test_an_etag_that_runs_into_the_name_is_another_pair() -> None:
    assert left([Track("bc", "", "a", 1)], [{("c", "ab"): None}, {("abc", ""): None}]) == [Track("bc", "", "a", 1)]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tracks_out_of_order_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match="not sorted"):
        left([make_track(1), make_track(3), make_track(2)], [], rows)


def test_a_history_much_longer_than_the_catalog_is_passed_over() -> None:
    runs: list[Run] = [{(f"{number:05d}", "v1"): None for number in range(start, 20_000, 2)} for start in (0, 1)]
    tracks = [Track(name, name, "v1", 1) for name in ("00007", "00007x", "19999", "2")]
    assert left(tracks, runs, 1000) == [tracks[1], tracks[3]]
