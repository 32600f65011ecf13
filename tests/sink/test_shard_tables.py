import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import cut, make_plan, make_track, make_tracks, reject, score
from sink.test_answers import FRONT_END, described

from genre_batch.sink.answers import features_maker, make_scores
from genre_batch.sink.parquet import to_bytes
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.shard_tables import ShardTables, joined, shard_tables

PLAN = make_plan()


def test_a_track_has_one_outcome() -> None:
    track = make_track(0)
    with pytest.raises(ValueError, match="two outcomes"):
        shard_tables([score(track)], [reject(track)], PLAN, make_scores)
    with pytest.raises(ValueError, match="two outcomes"):
        shard_tables([score(track), score(track)], [], PLAN, make_scores)
    one = shard_tables([score(track)], [], PLAN, make_scores)
    with pytest.raises(ValueError, match="two outcomes"):
        joined([one, one])


def test_rows_are_in_the_order_of_the_listing() -> None:
    rows = [score(track) for track in make_tracks(20)]
    shuffled = random.Random(1).sample(rows, len(rows))
    assert shard_tables(shuffled, [], PLAN, make_scores).answers.equals(make_scores(rows, PLAN))


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 30))
def test_what_is_written_does_not_depend_on_the_parts(scored: list[bool], part_tracks: int) -> None:
    tracks = make_tracks(len(scored))
    answered: list[AnsweredTrack] = [score(track) for track, good in zip(tracks, scored, strict=True) if good]
    rejected = [reject(track) for track, good in zip(tracks, scored, strict=True) if not good]
    whole = shard_tables(answered, rejected, PLAN, make_scores)
    parts = joined(
        [
            shard_tables(
                [row for row in answered if row.track in part],
                [row for row in rejected if row.track in part],
                PLAN,
                make_scores,
            )
            for part in cut(tracks, part_tracks)
        ]
    )
    assert _written(parts) == _written(whole)
    assert parts.tracks == whole.tracks == len(tracks)


def test_features_have_several_rows_a_track() -> None:
    maker, rejected = features_maker(FRONT_END), [RejectedTrack(make_track(2), reject(make_track(2)).reject, 1)]
    whole = shard_tables([described(1, 3), described(0, 2)], rejected, PLAN, maker)
    parts = [shard_tables([described(0, 2)], [], PLAN, maker), shard_tables([described(1, 3)], rejected, PLAN, maker)]
    assert (whole.tracks, whole.answers["segment"].to_pylist()) == (3, [0, 1, 0, 1, 2])
    assert _written(joined(parts)) == _written(whole)


def _written(tables: ShardTables) -> tuple[bytes, bytes]:
    return to_bytes(tables.answers, PLAN), to_bytes(tables.rejects, PLAN)
