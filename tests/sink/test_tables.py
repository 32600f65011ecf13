"""Tables of features beside tables of scores: the same ledger, one row a segment."""

import random
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import PLANNED_AT, RUN_ID, cut, make_plan, make_track, make_tracks, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import TrackFacts
from genre_batch.catalog.track_table import to_tracks
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.parquet import to_bytes
from genre_batch.sink.schema import (
    REJECTS,
    SCORES,
    AnsweredTrack,
    DescribedTrack,
    RejectedTrack,
    feature_columns,
    schema_of,
)
from genre_batch.sink.tables import (
    ShardTables,
    concat_shard_tables,
    features_maker,
    make_scores,
    one_row_per_track,
    rejects_table,
    shard_tables,
)
from genre_batch.storage.local import LocalStore


def test_a_score_is_a_row() -> None:
    track = make_track(3)
    table = make_scores([score(track)], make_plan())
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
            "sample_rate": 44_100,
            "channels": 2,
            "embedding": None,
            "in_scope": None,
            "tags": None,
        }
    ]


def test_an_embedding_is_a_list_of_its_half_precision_values() -> None:
    rows = [score(make_track(number)) for number in range(3)]
    values = np.array([0.1, -1.0], "<f2")
    rows[1] = replace(rows[1], score=replace(rows[1].score, embedding=values.tobytes()))
    assert make_scores(rows, make_plan())["embedding"].to_pylist() == [None, values.astype(float).tolist(), None]


def test_a_run_of_version_1_has_no_newer_column() -> None:
    run, track = make_plan(schema_version=1), make_track(3)
    new, old = make_scores([score(track)], make_plan()), make_scores([score(track)], run)
    added = {"sample_rate", "channels", "embedding", "in_scope", "tags"}
    assert set(new.column_names) - set(old.column_names) == added
    assert new.select(old.column_names) == old


def test_the_scope_and_the_tags_of_a_track_are_in_its_row() -> None:
    row = score(make_track(3))
    tagged = replace(row, score=replace(row.score, in_scope=0.25, tags=(("jazz", 0.5), ("sad", 0.25))))
    (found,) = make_scores([tagged], make_plan()).to_pylist()
    assert found["in_scope"] == 0.25
    assert found["tags"] == [{"tag": "jazz", "probability": 0.5}, {"tag": "sad", "probability": 0.25}]


def test_an_abstention_has_no_genre() -> None:
    row = make_scores([score(make_track(1), genre=None)], make_plan()).to_pylist()[0]
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
    assert make_scores(rows, make_plan())["size_bytes"].to_pylist() == [1002, 1000, 1001]


def test_times_are_stored_in_utc() -> None:
    plan = make_plan(planned_at=PLANNED_AT.astimezone(timezone(timedelta(hours=9))))
    assert make_scores([score(make_track(1))], plan) == make_scores([score(make_track(1))], make_plan())


def test_no_rows_still_have_columns() -> None:
    assert make_scores([], make_plan()).schema == SCORES
    assert rejects_table([], make_plan()).schema == REJECTS


FRONT_END = DescriptorFrontEnd(columns=["tempo", "rms_mean"], segment_s=3.0)
PLAN = make_plan().model_copy(update={"answers": "features", "model_id": "descriptors-1"})


def described(number: int, segments: int) -> DescribedTrack:
    values = np.arange(segments * 2, dtype=np.float32).reshape(segments, 2, 1) + 100 * number
    return DescribedTrack(make_track(number), TrackFacts(61.0, 15.0, "soundfile", 44_100, 2), values)


def test_a_row_is_a_segment_with_the_descriptors_by_name() -> None:
    table = features_maker(FRONT_END)([described(0, 2), described(1, 1)], PLAN)
    assert table.schema == schema_of(feature_columns(FRONT_END.columns))
    assert table["segment"].to_pylist() == [0, 1, 0]
    assert table["segment_start_s"].to_pylist() == [15.0, 18.0, 15.0]
    assert table["tempo"].to_pylist() == [0.0, 2.0, 100.0]
    assert table["rms_mean"].to_pylist() == [1.0, 3.0, 101.0]
    assert to_tracks(one_row_per_track(table)) == [make_track(0), make_track(1)]


def test_an_empty_shard_has_all_columns() -> None:
    assert features_maker(FRONT_END)([], PLAN).schema == schema_of(feature_columns(FRONT_END.columns))


def test_rows_of_the_other_table_are_refused() -> None:
    with pytest.raises(TypeError, match="DescribedTrack"):
        make_scores([described(0, 1)], PLAN)
    with pytest.raises(TypeError, match="ScoredTrack"):
        features_maker(FRONT_END)([score(make_track(0))], PLAN)


def test_the_ledger_counts_tracks_and_keeps_them_in_a_folder_of_their_own(tmp_path: Path) -> None:
    ledger = Ledger(LocalStore(), str(tmp_path), PLAN, features_maker(FRONT_END))
    record = ledger.commit(0, [described(1, 3), described(0, 2)], [reject(make_track(2))])
    assert (record.counts.scored, record.counts.rejected, record.counts.genres) == (2, 1, {})
    answers, rejects = (file.path for file in record.files)
    assert answers.startswith("features/front_end=descriptors-1/dt=")
    assert rejects.startswith("rejects/front_end=descriptors-1/dt=")
    table = pq.read_table(tmp_path / answers, partitioning=None)
    assert table["segment"].to_pylist() == [0, 1, 0, 1, 2]
    assert ledger.commit(0, [described(0, 2)], [reject(make_track(n)) for n in (1, 2)]) == record


PLAN_SHARD_TABLES = make_plan()


def test_a_track_has_one_outcome() -> None:
    track = make_track(0)
    with pytest.raises(ValueError, match="two outcomes"):
        shard_tables([score(track)], [reject(track)], PLAN_SHARD_TABLES, make_scores)
    with pytest.raises(ValueError, match="two outcomes"):
        shard_tables([score(track), score(track)], [], PLAN_SHARD_TABLES, make_scores)
    one = shard_tables([score(track)], [], PLAN_SHARD_TABLES, make_scores)
    with pytest.raises(ValueError, match="two outcomes"):
        concat_shard_tables([one, one])


def test_rows_are_in_the_order_of_the_listing() -> None:
    rows = [score(track) for track in make_tracks(20)]
    shuffled = random.Random(1).sample(rows, len(rows))
    assert shard_tables(shuffled, [], PLAN_SHARD_TABLES, make_scores).answers.equals(
        make_scores(rows, PLAN_SHARD_TABLES)
    )


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 30))
def test_what_is_written_does_not_depend_on_the_parts(scored: list[bool], part_tracks: int) -> None:
    tracks = make_tracks(len(scored))
    answered: list[AnsweredTrack] = [score(track) for track, good in zip(tracks, scored, strict=True) if good]
    rejected = [reject(track) for track, good in zip(tracks, scored, strict=True) if not good]
    whole = shard_tables(answered, rejected, PLAN_SHARD_TABLES, make_scores)
    parts = concat_shard_tables(
        [
            shard_tables(
                [row for row in answered if row.track in part],
                [row for row in rejected if row.track in part],
                PLAN_SHARD_TABLES,
                make_scores,
            )
            for part in cut(tracks, part_tracks)
        ]
    )
    assert _written(parts) == _written(whole)
    assert parts.tracks == whole.tracks == len(tracks)


def test_features_have_several_rows_a_track() -> None:
    maker, rejected = features_maker(FRONT_END), [RejectedTrack(make_track(2), reject(make_track(2)).reject, 1)]
    whole = shard_tables([described(1, 3), described(0, 2)], rejected, PLAN_SHARD_TABLES, maker)
    parts = [
        shard_tables([described(0, 2)], [], PLAN_SHARD_TABLES, maker),
        shard_tables([described(1, 3)], rejected, PLAN_SHARD_TABLES, maker),
    ]
    assert (whole.tracks, whole.answers["segment"].to_pylist()) == (3, [0, 1, 0, 1, 2])
    assert _written(concat_shard_tables(parts)) == _written(whole)


def _written(tables: ShardTables) -> tuple[bytes, bytes]:
    return to_bytes(tables.answers, PLAN_SHARD_TABLES), to_bytes(tables.rejects, PLAN_SHARD_TABLES)
