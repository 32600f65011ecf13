from datetime import UTC, datetime

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, in_batches, in_larger_batches, times_of, to_batch, to_tracks


def test_tracks_come_back_in_order_and_byte_for_byte() -> None:
    tracks = [Track("b\n\x01", "s3://m/\U0001f600", "e", 5_000_000_000), Track("e\u0301", "s3://m/\u00e9", "", -1)]
    batch = to_batch(tracks)
    assert batch.schema == SCHEMA
    assert to_tracks(batch) == tracks
    assert to_tracks(to_batch([])) == []


def test_times_of_a_store_become_times_and_others_are_unknown() -> None:
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert times_of(["2026-11-29T12:00:00"] * 2).to_pylist() == [noon, noon]
    assert times_of(["2026-11-29T12:00:00", "", "29 Nov"]).to_pylist() == [noon, None, None]
    rows = to_batch([Track("a", "a", "e", 1, noon), Track("b", "b", "e", 1)])
    assert rows["modified_at"].to_pylist() == [noon, None]
    assert rows["deferred"].null_count == 2


def test_small_batches_become_larger_ones_with_the_same_rows() -> None:
    tracks = [Track(str(number), str(number), "v1", number) for number in range(10)]
    batches = list(in_larger_batches(in_batches(tracks, 2), rows=3))
    assert [batch.num_rows for batch in batches] == [4, 4, 2]
    assert [track for batch in batches for track in to_tracks(batch)] == tracks
    assert list(in_larger_batches([])) == []
