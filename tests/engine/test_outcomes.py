"""Outcomes of a shard, in listing order, whatever order they come in."""

import pytest

from genre_batch.actors.blocks import Extraction
from genre_batch.catalog.reject import Reject, RejectReason, Stage
from genre_batch.catalog.shards import Batch, Shard
from genre_batch.catalog.track import Track
from genre_batch.engine.outcomes import ShardOutcomes
from genre_batch.model.scores import Score
from genre_batch.schedule.events import Role

TRACKS = [Track(f"t{row}", f"s3://b/t{row}", "e", 10) for row in range(100, 104)]
EMPTY = Reject(RejectReason.EMPTY, Stage.READ, "no bytes")
JAZZ = Score("jazz", 0.9, (("jazz", 0.9),), False, 10)
HEARD = Extraction(30.0, 0.0, "soundfile")


def batch(start: int, stop: int) -> Batch:
    return Batch(7, start, stop)


def outcomes() -> ShardOutcomes:
    return ShardOutcomes(Shard(7, 100, 104), TRACKS)


def test_rows_come_in_listing_order() -> None:
    shard = outcomes()
    shard.extracted(batch(102, 104), [HEARD, EMPTY])
    shard.extracted(batch(100, 102), [EMPTY, HEARD])
    shard.predicted(batch(102, 104), [JAZZ, None])
    shard.predicted(batch(100, 102), [None, JAZZ])
    scored, rejected = shard.rows()
    assert [row.track.track_id for row in scored] == ["t101", "t102"]
    assert [row.track.track_id for row in rejected] == ["t100", "t103"]
    assert shard.tracks(batch(101, 103)) == TRACKS[1:3]
    assert shard.rejects(batch(101, 104)) == [None, None, EMPTY]


def test_a_second_attempt_overwrites_the_first() -> None:
    shard = outcomes()
    shard.extracted(batch(100, 104), [EMPTY] * 4)
    shard.extracted(batch(100, 104), [HEARD] * 4)
    shard.predicted(batch(100, 104), [JAZZ] * 4)
    scored, rejected = shard.rows()
    assert len(scored) == 4
    assert not rejected


def test_a_track_that_was_given_up_keeps_its_attempts() -> None:
    shard = outcomes()
    shard.extracted(batch(100, 103), [EMPTY] * 3)
    shard.given_up(batch(103, 104), Role.EXTRACT, 2, "died\n")
    _, rejected = shard.rows()
    assert rejected[3].attempts == 2
    assert rejected[3].reject == Reject(RejectReason.INTERNAL, Stage.DECODE, "died\\n")


def test_a_model_may_reject_a_track() -> None:
    shard = outcomes()
    shard.extracted(batch(100, 104), [HEARD] * 4)
    shard.predicted(batch(100, 104), [EMPTY, JAZZ, JAZZ, JAZZ])
    scored, rejected = shard.rows()
    assert (len(scored), len(rejected)) == (3, 1)


def test_a_track_without_an_outcome_is_an_error_and_not_a_gap() -> None:
    shard = outcomes()
    shard.extracted(batch(100, 103), [EMPTY] * 3)
    with pytest.raises(ValueError, match="t103"):
        shard.rows()
