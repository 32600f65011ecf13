"""How large batches are, from what their calls have taken."""

import pytest

from genre_batch.schedule.batch_size import FEWEST_TRACKS, BatchSize

MANY = 10**6


@pytest.mark.parametrize(
    ("track_s", "tracks"), [(0.0, 256), (0.02, 256), (0.05, 200), (0.1, 100), (1.0, 10), (60.0, FEWEST_TRACKS)]
)
def test_a_batch_keeps_an_actor_busy_for_ten_seconds(track_s: float, tracks: int) -> None:
    size = BatchSize(256, adapts=True)
    for _ in range(3):
        size.note(40, 40 * track_s)
    assert size.tracks(MANY, actors=100) == tracks


def test_until_a_call_has_returned_batches_are_small() -> None:
    assert BatchSize(256, adapts=True).tracks(MANY, actors=2) == 32


def test_a_size_that_was_set_is_not_exceeded() -> None:
    size = BatchSize(64, adapts=False)
    assert size.tracks(MANY, actors=2) == 64
    size.note(64, 64.0)
    assert size.tracks(MANY, actors=2) == 64
    assert BatchSize(4, adapts=False).tracks(10, actors=2) == 4


@pytest.mark.parametrize(("left", "tracks"), [(100_000, 100), (8_000, 100), (1_200, 15), (100, FEWEST_TRACKS), (0, 7)])
def test_every_actor_gets_several_of_the_last_batches(left: int, tracks: int) -> None:
    size = BatchSize(256, adapts=True)
    size.note(100, 10.0)
    assert size.tracks(left, actors=10) == tracks
    assert size.tracks(left, actors=0) >= tracks


def test_it_follows_tracks_that_become_slower() -> None:
    size = BatchSize(256, adapts=True)
    for _ in range(200):
        size.note(100, 1.0)
    for _ in range(200):
        size.note(100, 100.0)
    assert 10 <= size.tracks(MANY, actors=10) <= 11
