"""A nightly run begins with what was left for later, then the newest tracks; each of its shards is sorted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.listing import Listing, write_batches
from genre_batch.catalog.track_table import SCHEMA
from genre_batch.catalog.work_order import in_order_of_work, places_in_order
from genre_batch.storage.local import LocalStore

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTES = st.one_of(st.none(), st.integers(-5, 5))
TRACKS = st.lists(st.tuples(MINUTES, st.sampled_from([None, True])), min_size=1, max_size=40)
Tracks = list[tuple[int | None, bool | None]]


def batches_of(tracks: Tracks, rows: int = 7) -> list[pa.RecordBatch]:
    """Tracks by when they were written, in minutes after noon, and whether they were left for later."""
    ids = [f"{number:03d}" for number in range(len(tracks))]
    times = [None if minutes is None else NOON + timedelta(minutes=minutes) for minutes, _ in tracks]
    sizes, deferred = [1] * len(ids), [later for _, later in tracks]
    table = pa.table([ids, ids, ids, sizes, times, deferred], schema=SCHEMA)
    return table.to_batches(max_chunksize=rows)


def wanted(tracks: Tracks) -> list[str]:
    """The ids in the order of work, by plain Python."""

    def key(number: int) -> tuple[bool, float, int]:
        minutes, later = tracks[number]
        return not later, float("inf") if minutes is None else -minutes, number

    return [f"{number:03d}" for number in sorted(range(len(tracks)), key=key)]


@given(TRACKS, st.integers(1, 12))
def test_shards_are_in_the_order_of_work_and_each_is_sorted(tracks: Tracks, shard_tracks: int) -> None:
    rows, size = in_order_of_work(batches_of(tracks), lambda _: shard_tracks)
    table, order = pa.Table.from_batches(rows), wanted(tracks)
    assert size == shard_tracks
    for start in range(0, len(tracks), shard_tracks):
        shard = table.slice(start, shard_tracks)
        assert shard["track_id"].to_pylist() == sorted(order[start : start + shard_tracks])
        assert shard["track_id"].take(places_in_order(shard)).to_pylist() == order[start : start + shard_tracks]


@given(TRACKS, st.integers(1, 39))
def test_more_than_a_night_keeps_its_order(tracks: Tracks, most: int) -> None:
    rows, size = in_order_of_work(batches_of(tracks), lambda _: 4, most_tracks=most)
    ids = [track_id for batch in rows for track_id in batch["track_id"].to_pylist()]
    assert (size is None, ids == sorted(ids)) == ((True, True) if len(tracks) > most else (False, ids == sorted(ids)))
    assert sorted(ids) == [f"{number:03d}" for number in range(len(tracks))]


def test_a_night_without_tracks_is_empty() -> None:
    rows, size = in_order_of_work([], lambda tracks: tracks)
    assert (list(rows), size) == ([], None)


def test_a_listing_takes_shards_that_are_sorted_one_by_one(tmp_path: Path) -> None:
    tracks: Tracks = [(number, None) for number in range(10)]
    rows, size = in_order_of_work(batches_of(tracks), lambda _: 4)
    write_batches(rows, LocalStore(), f"{tmp_path}/listing", 6, sorted_rows=size)
    found = Listing(LocalStore(), f"{tmp_path}/listing").table(0, 10)
    assert found["track_id"].to_pylist() == ["006", "007", "008", "009", "002", "003", "004", "005", "000", "001"]
    assert found["modified_at"].to_pylist()[0] == NOON + timedelta(minutes=6)
    with pytest.raises(ValueError, match="sorted"):
        write_batches(iter(found.to_batches()), LocalStore(), f"{tmp_path}/other", sorted_rows=5)
