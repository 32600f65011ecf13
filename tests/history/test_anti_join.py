"""Which tracks have no outcome yet, by the rule and block by block."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import make_track

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, one_by_one
from genre_batch.history import anti_join
from genre_batch.history.anti_join import new_rows

COLUMNS = ["track_id", "etag", "reason"]
NAMES = st.sampled_from(["a", "b", "c", "ca", "Z", "é", "e\u0301", "\n", "🎵", "1:a", "a:", ":"])
ETAGS = st.sampled_from(["", "v1", "v2", "a", ":", "1:a", "é"])
REASONS = st.sampled_from([None, "corrupt", "silent", "gone", "done_elsewhere"])
RUN = st.dictionaries(NAMES, st.tuples(ETAGS, REASONS), max_size=12).map(
    lambda run: {(name, etag): reason for name, (etag, reason) in run.items()}
)
Run = dict[tuple[str, str], str | None]
"""The outcome of each version of a track in a run: None for an answer, otherwise the reason of a reject."""

AGAIN = {"gone", "silent", "done_elsewhere"}


def in_rows(run: Run, rows: int) -> Iterator[pa.RecordBatch]:
    ordered = [(name, etag, run[name, etag]) for name, etag in sorted(run)]
    for start in range(0, len(ordered), rows):
        columns = zip(*ordered[start : start + rows], strict=True)
        yield pa.RecordBatch.from_arrays([pa.array(each, pa.string()) for each in columns], names=COLUMNS)


def left(tracks: list[Track], runs: list[Run], rows: int = 2) -> list[Track]:
    outcomes = {number: in_rows(run, rows) for number, run in enumerate(runs)}
    return list(one_by_one(new_rows(in_batches(tracks, rows), outcomes, AGAIN)))


def test_outcomes_with_and_without_nullable_columns_are_compared_together() -> None:
    strict = pa.schema([pa.field(name, pa.string(), nullable=name == "reason") for name in COLUMNS])
    older, newer = ([batch] for run in (("a", "b")) for batch in in_rows({(run, "v1"): None}, 1))
    tracks = [Track(name, name, "v1", 1) for name in "abc"]
    runs = {0: iter([each.cast(strict) for each in older]), 1: iter(newer)}
    assert [track.track_id for track in one_by_one(new_rows(in_batches(tracks), runs, AGAIN))] == ["c"]


def is_done(track: Track, runs: list[Run]) -> bool:
    """The rule, one track at a time."""
    done = answered = False
    for name, etag, reason in ((*key, reason) for run in runs for key, reason in run.items()):
        if name != track.track_id or reason == "done_elsewhere":
            continue
        if etag != track.etag:
            if reason != "gone":
                done = answered = False
        elif reason is None:
            done = answered = True
        else:
            done = answered or reason not in AGAIN
    return done


@given(st.dictionaries(NAMES, ETAGS), st.lists(RUN, max_size=4), st.integers(1, 4), st.integers(1, 4))
def test_it_agrees_with_the_rule_applied_track_by_track(
    catalog: dict[str, str], runs: list[Run], rows: int, at_once: int
) -> None:
    tracks = [Track(name, name, etag, 1) for name, etag in sorted(catalog.items())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anti_join, "_COMPARED_ROWS", at_once)
        assert left(tracks, runs, rows) == [track for track in tracks if not is_done(track, runs)]


def test_an_etag_that_ends_like_the_name_begins_is_not_confused() -> None:
    assert left([Track("bc", "", "a", 1)], [{("c", "ab"): None}, {("abc", ""): None}]) == [Track("bc", "", "a", 1)]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tracks_out_of_order_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match="not sorted"):
        left([make_track(1), make_track(3), make_track(2)], [], rows)


def test_a_history_much_longer_than_the_catalog_is_skipped() -> None:
    runs: list[Run] = [{(f"{number:05d}", "v1"): None for number in range(start, 20_000, 2)} for start in (0, 1)]
    tracks = [Track(name, name, "v1", 1) for name in ("00007", "00007x", "19999", "2")]
    assert left(tracks, runs, 1000) == [tracks[1], tracks[3]]
