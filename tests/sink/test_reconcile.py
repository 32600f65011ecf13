import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import make_plan, make_track, make_tracks, reject, score

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_tracks
from genre_batch.errors import DamageFound
from genre_batch.sink.reconcile import reconcile_rejects
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.sink.tables import ShardTables, make_scores, shard_tables

TRACKS = make_tracks(4)
PLAN = make_plan()


def own(*rows: ScoredTrack | RejectedTrack) -> ShardTables:
    scored = [row for row in rows if isinstance(row, ScoredTrack)]
    return shard_tables(scored, [row for row in rows if isinstance(row, RejectedTrack)], PLAN, make_scores)


def stored(*tracks: Track) -> pa.Table:
    return make_scores([score(track) for track in tracks], PLAN)


def test_own_scores_leave_own_rejects() -> None:
    mine = own(score(TRACKS[0]), reject(TRACKS[3]), score(TRACKS[2]), reject(TRACKS[1]))
    assert reconcile_rejects(stored(TRACKS[0], TRACKS[2]), mine, PLAN).equals(mine.rejects)
    assert to_tracks(mine.rejects) == [TRACKS[1], TRACKS[3]]


def test_a_reject_that_the_other_driver_scored_is_dropped() -> None:
    mine = own(score(TRACKS[0]), reject(TRACKS[1]))
    assert reconcile_rejects(stored(TRACKS[0], TRACKS[1]), mine, PLAN).num_rows == 0


def test_a_score_that_the_other_driver_rejected_is_tried_again_by_the_next_run() -> None:
    rejects = reconcile_rejects(stored(TRACKS[0]), own(score(TRACKS[0]), score(TRACKS[1])), PLAN)
    assert to_tracks(rejects) == [TRACKS[1]]
    assert rejects["reason"].to_pylist() == [RejectReason.INTERNAL]
    assert RejectReason.INTERNAL in TRANSIENT


@pytest.mark.parametrize(
    "tracks",
    [
        [make_track(99)],
        [make_track(0, etag="v2")],
        [TRACKS[0], TRACKS[0]],
    ],
)
def test_scores_of_other_tracks_are_damage(tracks: list[Track]) -> None:
    with pytest.raises(DamageFound, match="not of its tracks"):
        reconcile_rejects(stored(*tracks), own(*map(score, TRACKS)), PLAN)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_each_track_is_scored_or_rejected_whoever_came_first(outcomes: list[tuple[bool, bool]]) -> None:
    tracks = make_tracks(len(outcomes))
    mine = own(
        *(score(track) if scored else reject(track) for track, (scored, _) in zip(tracks, outcomes, strict=True))
    )
    theirs = [track for track, (_, scored) in zip(tracks, outcomes, strict=True) if scored]
    rejected = to_tracks(reconcile_rejects(stored(*theirs), mine, PLAN))
    assert sorted([*theirs, *rejected]) == tracks
    assert rejected == sorted(rejected)
