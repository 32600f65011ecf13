from datetime import timedelta, timezone

from sink.shard_rows import PLANNED_AT, RUN_ID, make_plan, make_track, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.sink.schema import REJECTS, SCORES
from genre_batch.sink.tables import rejects_table, scores_table


def test_a_score_is_a_row() -> None:
    track = make_track(3)
    table = scores_table([score(track)], make_plan())
    assert table.schema == SCORES
    assert table.to_pylist() == [
        {
            "track_id": track.track_id,
            "uri": track.uri,
            "etag": "v1",
            "size_bytes": 1003,
            "duration_s": 30.0,
            "genre": "jazz",
            "confidence": 0.75,
            "top_k": [{"genre": "jazz", "probability": 0.75}, {"genre": "rock", "probability": 0.25}],
            "abstained": False,
            "window_start_s": 15.0,
            "segments": 1,
            "decoder": "soundfile",
            "fingerprint": "f" * 64,
            "run_id": RUN_ID,
            "event_timestamp": PLANNED_AT,
            "created_timestamp": PLANNED_AT,
        }
    ]


def test_an_abstention_has_no_genre() -> None:
    row = scores_table([score(make_track(1), genre=None)], make_plan()).to_pylist()[0]
    assert (row["genre"], row["abstained"], row["top_k"][0]["genre"]) == (None, True, "jazz")


def test_a_reject_is_a_row() -> None:
    track = make_track(3)
    table = rejects_table([reject(track, RejectReason.GONE)], make_plan())
    assert table.schema == REJECTS
    assert table.to_pylist() == [
        {
            "track_id": track.track_id,
            "uri": track.uri,
            "etag": "v1",
            "size_bytes": 1003,
            "stage": "decode",
            "reason": "gone",
            "message": "bad bytes: gone",
            "attempts": 2,
            "run_id": RUN_ID,
            "event_timestamp": PLANNED_AT,
            "created_timestamp": PLANNED_AT,
        }
    ]


def test_rows_stay_in_the_order_given() -> None:
    rows = [score(make_track(number)) for number in (2, 0, 1)]
    assert scores_table(rows, make_plan())["size_bytes"].to_pylist() == [1002, 1000, 1001]


def test_times_are_stored_in_utc() -> None:
    plan = make_plan(planned_at=PLANNED_AT.astimezone(timezone(timedelta(hours=9))))
    assert scores_table([score(make_track(1))], plan) == scores_table([score(make_track(1))], make_plan())


def test_no_rows_still_have_columns() -> None:
    assert scores_table([], make_plan()).schema == SCORES
    assert rejects_table([], make_plan()).schema == REJECTS
