from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, to_batch, to_tracks


def test_tracks_come_back_in_order_and_byte_for_byte() -> None:
    tracks = [Track("b\n\x01", "s3://m/\U0001f600", "e", 5_000_000_000), Track("e\u0301", "s3://m/\u00e9", "", -1)]
    batch = to_batch(tracks)
    assert batch.schema == SCHEMA
    assert to_tracks(batch) == tracks
    assert to_tracks(to_batch([])) == []
