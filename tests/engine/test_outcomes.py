"""Outcomes of a part, in listing order, whatever order they come in."""

import pytest

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.catalog.work_units import Batch, Part
from genre_batch.engine.outcomes import PartOutcomes
from genre_batch.model.scores import Score
from genre_batch.sink.schema import ScoredTrack

TRACKS = [Track(f"t{row}", f"s3://b/t{row}", "e", 10) for row in range(100, 104)]
EMPTY = Reject(RejectReason.EMPTY, RejectStage.READ, "no bytes")
JAZZ = Score("jazz", 0.9, (("jazz", 0.9),), False, 10)
HEARD = TrackFacts(30.0, 0.0, "soundfile", 44_100, 2)


def batch(start: int, stop: int) -> Batch:
    return Batch(7, start, stop)


def outcomes() -> PartOutcomes[ScoredTrack]:
    return PartOutcomes(Part(7, 7, 100, 104), TRACKS, stages=2)


def test_rows_come_in_listing_order() -> None:
    part = outcomes()
    part.returned(batch(102, 104), 0, [HEARD, EMPTY])
    part.returned(batch(100, 102), 0, [EMPTY, HEARD])
    part.returned(batch(102, 104), 1, [JAZZ, None])
    part.returned(batch(100, 102), 1, [None, JAZZ])
    scored, rejected = part.rows(ScoredTrack)
    assert [row.track.track_id for row in scored] == ["t101", "t102"]
    assert [row.track.track_id for row in rejected] == ["t100", "t103"]
    assert part.tracks(batch(101, 103)) == TRACKS[1:3]
    assert part.rejects(batch(101, 104)) == [None, None, EMPTY]


def test_a_second_attempt_overwrites_the_first() -> None:
    part = outcomes()
    part.returned(batch(100, 104), 0, [EMPTY] * 4)
    part.returned(batch(100, 104), 0, [HEARD] * 4)
    part.returned(batch(100, 104), 1, [JAZZ] * 4)
    scored, rejected = part.rows(ScoredTrack)
    assert len(scored) == 4
    assert not rejected


def test_a_track_that_was_given_up_keeps_its_attempts() -> None:
    part = outcomes()
    part.returned(batch(100, 103), 0, [EMPTY] * 3)
    part.given_up(batch(103, 104), RejectStage.DECODE, 2, "died\n")
    _, rejected = part.rows(ScoredTrack)
    assert rejected[3].attempts == 2
    assert rejected[3].reject == Reject(RejectReason.INTERNAL, RejectStage.DECODE, "died\\n")


def test_a_model_may_reject_a_track() -> None:
    part = outcomes()
    part.returned(batch(100, 104), 0, [HEARD] * 4)
    part.returned(batch(100, 104), 1, [EMPTY, JAZZ, JAZZ, JAZZ])
    scored, rejected = part.rows(ScoredTrack)
    assert (len(scored), len(rejected)) == (3, 1)


def test_a_track_without_an_outcome_is_an_error_and_not_a_gap() -> None:
    part = outcomes()
    part.returned(batch(100, 103), 0, [EMPTY] * 3)
    with pytest.raises(ValueError, match="t103"):
        part.rows(ScoredTrack)


def test_later_rejects_of_an_earlier_attempt_are_dropped_when_the_batch_restarts() -> None:
    part = outcomes()
    part.returned(batch(100, 104), 0, [HEARD] * 4)
    part.returned(batch(100, 104), 1, [EMPTY] * 4)
    part.returned(batch(100, 104), 0, [HEARD] * 4)
    part.returned(batch(100, 104), 1, [JAZZ] * 4)
    assert len(part.rows(ScoredTrack)[0]) == 4


def test_what_is_put_off_after_its_first_stage_keeps_the_rejects_of_that() -> None:
    part, late = outcomes(), Reject(RejectReason.DEFERRED, RejectStage.READ, "later")
    part.returned(batch(100, 104), 0, [EMPTY, HEARD, HEARD, HEARD])
    part.returned(batch(102, 104), 1, [JAZZ, JAZZ])
    part.put_off(batch(100, 102), late)
    assert part.open(batch(100, 102)) == []
    assert part.rejects(batch(100, 104)) == [EMPTY, late, None, None]
    assert [row.reject for row in part.rows(ScoredTrack)[1]] == [EMPTY, late]


def test_batches_are_ranges_of_the_order_of_work_and_rows_are_not() -> None:
    part = PartOutcomes(Part(7, 7, 100, 104), TRACKS, 1, {2: EMPTY}, order=[3, 1, 2, 0])
    assert [track.track_id for track in part.tracks(batch(100, 103))] == ["t103", "t101", "t102"]
    assert [track.track_id for track in part.open(batch(100, 103))] == ["t103", "t101"]
    part.returned(batch(100, 103), 0, [EMPTY, HEARD])
    part.put_off(batch(103, 104), EMPTY)
    assert part.rejects(batch(100, 104)) == [EMPTY, None, EMPTY, EMPTY]
    _, rejected = part.rows(lambda track, _: track)
    assert [row.track.track_id for row in rejected] == ["t100", "t102", "t103"]
