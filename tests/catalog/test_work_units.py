import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.work_units import (
    Batch,
    Part,
    PartPlan,
    Shard,
    ShardPlan,
    UncutPart,
    plan_parts,
    strided,
    suitable_shard_tracks,
)


def cut(part: Part, batch_tracks: int) -> list[Batch]:
    """The batches of a part, cut one after the other."""
    rest, batches = UncutPart(part), list[Batch]()
    while not rest.is_empty:
        batches.append(rest.take(batch_tracks))
    return batches


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(1, 300), st.integers(1, 100))
def test_each_track_is_in_one_batch_of_one_part_of_one_shard(
    tracks: int, shard_tracks: int, part_tracks: int, batch_tracks: int
) -> None:
    plan, rows = PartPlan(tracks, shard_tracks, part_tracks), list[int]()
    for index, part in enumerate(plan):
        shard = plan.shards[part.shard]
        assert part.index == index
        assert 0 < part.stop - part.start <= part_tracks
        assert shard.start <= part.start
        assert part.stop <= shard.stop
        batches = cut(part, batch_tracks)
        assert all(batch.part == index for batch in batches)
        rows += [row for batch in batches for row in range(batch.start, batch.stop)]
    assert rows == list(range(tracks))


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(1, 300))
def test_the_parts_of_all_shards_are_all_parts(tracks: int, shard_tracks: int, part_tracks: int) -> None:
    plan = PartPlan(tracks, shard_tracks, part_tracks)
    by_shard = [plan.of(shard.index) for shard in plan.shards]
    assert [part for parts in by_shard for part in parts] == list(plan)
    for shard, parts in zip(plan.shards, by_shard, strict=True):
        assert (parts[0].start, parts[-1].stop) == (shard.start, shard.stop)
        assert shard.stop - shard.start <= shard_tracks
    assert plan.staged == sum(len(parts) for parts in by_shard if len(parts) > 1)


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 100))
def test_batches_are_few_and_even(start: int, tracks: int, batch_tracks: int) -> None:
    sizes = [batch.stop - batch.start for batch in cut(Part(3, 1, start, start + tracks), batch_tracks)]
    assert len(sizes) == -(-tracks // batch_tracks)
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert max(sizes, default=0) <= batch_tracks


def test_the_rest_of_a_part_is_cut_evenly_when_the_size_changes() -> None:
    rest = UncutPart(Part(1, 0, 100, 200))
    batches = [rest.take(tracks) for tracks in (30, 30, 20, 20, 20)]
    assert [batch.stop - batch.start for batch in batches] == [25, 25, 16, 17, 17]
    assert rest.is_empty
    assert [batch.start for batch in batches[1:]] == [batch.stop for batch in batches[:-1]]


def test_there_is_no_tiny_last_batch() -> None:
    assert cut(Part(1, 0, 100, 133), 32) == [Batch(1, 100, 116), Batch(1, 116, 133)]


def test_a_hundred_million_tracks_are_planned_without_holding_them_in_memory() -> None:
    shards = ShardPlan(100_000_001, 16)
    assert len(shards) == 6_250_001
    assert shards[-1] == Shard(6_250_000, 100_000_000, 100_000_001)
    assert shards[1:3] == [Shard(1, 16, 32), Shard(2, 32, 48)]
    parts = PartPlan(100_000_001, 16, 8)
    assert len(parts) == 12_500_001
    assert parts[-2:] == [Part(12_499_999, 6_249_999, 99_999_992, 10**8), Part(12_500_000, 6_250_000, 10**8, 10**8 + 1)]
    for plan in (shards, parts):
        with pytest.raises(IndexError):
            plan[len(plan)]


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="shards of 0"):
        ShardPlan(10, 0)
    with pytest.raises(ValueError, match="parts of 0"):
        PartPlan(10, 5, 0)
    with pytest.raises(ValueError, match="batches of 0"):
        UncutPart(Part(0, 0, 0, 10)).take(0)


def test_a_shard_no_larger_than_a_part_is_its_only_part() -> None:
    assert PartPlan(10, 4, 4).of(2) == PartPlan(10, 4, 100).of(2) == [Part(2, 2, 8, 10)]
    assert PartPlan(10, 8, 3).of(1) == [Part(3, 1, 8, 10)]
    assert list(plan_parts(10, 8)) == [Part(0, 0, 0, 8), Part(1, 1, 8, 10)]


@pytest.mark.parametrize(
    ("tracks", "shard_tracks"),
    [(0, 1024), (100, 1024), (16_384, 1024), (16_385, 1025), (640_000, 40_000), (10**8, 524_288)],
)
def test_a_large_catalog_has_larger_shards(tracks: int, shard_tracks: int) -> None:
    assert suitable_shard_tracks(tracks, 524_288) == shard_tracks
    assert shard_tracks == 1024 or tracks // shard_tracks >= 15


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 12))
def test_strided_parts_are_the_same_parts_taken_in_turn_from_stretches(tracks: int, shard: int, lanes: int) -> None:
    parts = PartPlan(tracks, shard, 3)
    order = strided(parts, lanes)
    assert sorted(order, key=lambda part: part.index) == list(parts)
    assert strided(parts, 1) == list(parts)
    if len(parts) >= lanes:
        first = [part.index for part in order[:lanes]]
        assert first == [len(parts) * lane // lanes for lane in range(lanes)]


def test_parts_of_no_lane_are_refused() -> None:
    with pytest.raises(ValueError, match="0 lanes"):
        strided(PartPlan(4, 2, 2), 0)
