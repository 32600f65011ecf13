"""A listing cut into shards, the unit of commit, and shards into batches, the unit of work."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows `start` to `stop` (not included) of the listing."""

    index: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows `start` to `stop` (not included) of the listing, all of shard number `shard`."""

    shard: int
    start: int
    stop: int


class ShardPlan(Sequence[Shard]):
    """All shards of a listing, reckoned when asked for: a plan for 100 million tracks takes no memory."""

    def __init__(self, tracks: int, shard_tracks: int) -> None:
        self._tracks = tracks
        self._shard_tracks = shard_tracks

    def __len__(self) -> int:
        return (self._tracks + self._shard_tracks - 1) // self._shard_tracks

    @overload
    def __getitem__(self, index: int) -> Shard: ...
    @overload
    def __getitem__(self, index: slice) -> list[Shard]: ...
    def __getitem__(self, index: int | slice) -> Shard | list[Shard]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        start = position * self._shard_tracks
        return Shard(position, start, min(start + self._shard_tracks, self._tracks))


def plan_shards(tracks: int, shard_tracks: int) -> ShardPlan:
    """The shards of a listing of `tracks` rows: all of `shard_tracks` rows but for the last."""
    return ShardPlan(tracks, shard_tracks)


def plan_batches(shard: Shard, batch_tracks: int) -> Iterator[Batch]:
    """The batches of a shard, in order: as few as `batch_tracks` allows, their sizes differing by at most 1."""
    tracks = shard.stop - shard.start
    count = -(-tracks // batch_tracks)
    for number in range(count):
        yield Batch(shard.index, shard.start + tracks * number // count, shard.start + tracks * (number + 1) // count)
