import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink.shard_rows import make_track, make_tracks, reject, score

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.errors import DamageFound
from genre_batch.sink.agreement import rejects_beside, shard_tracks

TRACKS = make_tracks(4)


def keys(*numbers: int) -> list[tuple[str, str]]:
    return [(TRACKS[number].track_id, TRACKS[number].etag) for number in numbers]


def test_a_track_has_one_outcome() -> None:
    with pytest.raises(ValueError, match="two outcomes"):
        shard_tracks([score(TRACKS[0])], [reject(TRACKS[0])])
    with pytest.raises(ValueError, match="two outcomes"):
        shard_tracks([score(TRACKS[0]), score(TRACKS[0])], [])


def test_own_scores_leave_own_rejects() -> None:
    rejected = [reject(TRACKS[3]), reject(TRACKS[1])]
    tracks = shard_tracks([score(TRACKS[0]), score(TRACKS[2])], rejected)
    assert rejects_beside(keys(0, 2), tracks, rejected) == [rejected[1], rejected[0]]


def test_a_reject_that_the_other_driver_scored_is_dropped() -> None:
    rejected = [reject(TRACKS[1])]
    tracks = shard_tracks([score(TRACKS[0])], rejected)
    assert rejects_beside(keys(0, 1), tracks, rejected) == []


def test_a_score_that_the_other_driver_rejected_is_tried_again_by_the_next_run() -> None:
    tracks = shard_tracks([score(TRACKS[0]), score(TRACKS[1])], [])
    (row,) = rejects_beside(keys(0), tracks, [])
    assert row.track == TRACKS[1]
    assert row.reject.reason is RejectReason.INTERNAL
    assert row.reject.reason in TRANSIENT


@pytest.mark.parametrize(
    "stored",
    [
        [("another", "v1")],
        [(TRACKS[0].track_id, "v2")],
        [*keys(0), *keys(0)],
    ],
)
def test_scores_of_other_tracks_are_damage(stored: list[tuple[str, str]]) -> None:
    with pytest.raises(DamageFound, match="not of its tracks"):
        rejects_beside(stored, shard_tracks([score(track) for track in TRACKS], []), [])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_each_track_is_scored_or_rejected_whoever_came_first(outcomes: list[tuple[bool, bool]]) -> None:
    tracks = [make_track(number) for number in range(len(outcomes))]
    mine = dict(zip(tracks, (own for own, _ in outcomes), strict=True))
    theirs = [(track.track_id, track.etag) for track, (_, other) in zip(tracks, outcomes, strict=True) if other]
    rejected = [reject(track) for track in tracks if not mine[track]]
    everything = shard_tracks([score(track) for track in tracks if mine[track]], rejected)
    rows = rejects_beside(theirs, everything, rejected)
    assert sorted([key for key, _ in theirs] + [row.track.track_id for row in rows]) == sorted(everything)
    assert [row.track for row in rows] == sorted(row.track for row in rows)
