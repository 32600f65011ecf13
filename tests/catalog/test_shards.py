import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.shards import Batch, PartPlan, Shard, plan_batches, plan_shards, suitable_shard_tracks


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(1, 100))
def test_each_track_is_in_one_batch_of_one_shard(tracks: int, shard_tracks: int, batch_tracks: int) -> None:
    rows = []
    for index, shard in enumerate(plan_shards(tracks, shard_tracks)):
        assert shard.index == index
        assert 0 < shard.stop - shard.start <= shard_tracks
        batches = plan_batches(shard, batch_tracks)
        assert all(batch.shard == index for batch in batches)
        rows += [row for batch in batches for row in range(batch.start, batch.stop)]
    assert rows == list(range(tracks))


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 100))
def test_batches_are_few_and_even(start: int, tracks: int, batch_tracks: int) -> None:
    sizes = [batch.stop - batch.start for batch in plan_batches(Shard(3, start, start + tracks), batch_tracks)]
    assert len(sizes) == -(-tracks // batch_tracks)
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert max(sizes, default=0) <= batch_tracks


def test_there_is_no_tiny_last_batch() -> None:
    assert plan_batches(Shard(1, 100, 133), 32) == [Batch(1, 100, 116), Batch(1, 116, 133)]


def test_a_hundred_million_tracks_are_planned_without_being_held() -> None:
    shards = plan_shards(100_000_001, 16)
    assert len(shards) == 6_250_001
    assert shards[-1] == Shard(6_250_000, 100_000_000, 100_000_001)
    assert shards[1:3] == [Shard(1, 16, 32), Shard(2, 32, 48)]
    with pytest.raises(IndexError):
        shards[6_250_001]


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="shards of 0"):
        plan_shards(10, 0)
    with pytest.raises(ValueError, match="batches of 0"):
        plan_batches(Shard(0, 0, 10), 0)


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(1, 300))
def test_the_parts_of_all_shards_are_all_rows_and_know_their_shard(tracks: int, shard_tracks: int, size: int) -> None:
    plan, rows, numbers = PartPlan(tracks, shard_tracks, size), [], []
    for shard in plan_shards(tracks, shard_tracks):
        parts = plan.of(shard.index)
        assert all(plan.shard_of(part.index) == shard.index for part in parts)
        assert all(0 < part.stop - part.start <= size for part in parts)
        rows += [row for part in parts for row in range(part.start, part.stop)]
        numbers += [part.index for part in parts]
    assert rows == list(range(tracks))
    assert numbers == sorted(set(numbers))
    cut = [plan.of(shard.index) for shard in plan_shards(tracks, shard_tracks)]
    assert plan.staged == sum(len(parts) for parts in cut if len(parts) > 1)


def test_a_shard_that_is_no_larger_is_its_only_part() -> None:
    assert PartPlan(10, 4, 4).of(2) == PartPlan(10, 4, 100).of(2) == [Shard(2, 8, 10)]
    assert PartPlan(10, 8, 3).of(1) == [Shard(3, 8, 10)]


@pytest.mark.parametrize(
    ("tracks", "shard_tracks"),
    [(0, 1024), (100, 1024), (16_384, 1024), (16_385, 1025), (640_000, 40_000), (10**8, 524_288)],
)
def test_a_large_catalog_has_larger_shards(tracks: int, shard_tracks: int) -> None:
    assert suitable_shard_tracks(tracks, 524_288) == shard_tracks
    assert shard_tracks == 1024 or tracks // shard_tracks >= 15
