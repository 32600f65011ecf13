import pyarrow as pa

from genre_batch.sink.schema import REJECTS, SCORES


def test_scores_has_the_columns_of_the_table_in_order() -> None:
    assert SCORES.names == [
        *["track_id", "uri", "etag", "size_bytes", "duration_s", "genre", "confidence", "top_k", "abstained"],
        *["window_start_s", "segments", "decoder", "fingerprint", "run_id", "event_timestamp", "created_timestamp"],
    ]


def test_rejects_has_the_columns_of_the_table_in_order() -> None:
    assert REJECTS.names == [
        *["track_id", "uri", "etag", "size_bytes", "stage", "reason", "message", "attempts", "run_id"],
        *["event_timestamp", "created_timestamp"],
    ]


def test_only_the_genre_may_be_null() -> None:
    assert [field.name for table in (SCORES, REJECTS) for field in table if field.nullable] == ["genre"]


def test_times_are_utc_microseconds() -> None:
    times = [field.type for table in (SCORES, REJECTS) for field in table if field.name.endswith("_timestamp")]
    assert times == [pa.timestamp("us", tz="UTC")] * 4
