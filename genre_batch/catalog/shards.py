"""How a listing is cut: into shards, the unit of commit, and batches, the unit of work. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

_LEAST_TRACKS = 1024
_LEAST_SHARDS = 64


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows `start` to `stop` of the listing, without `stop`."""

    index: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows `start` to `stop` of the listing, without `stop`; all of the shard with index `shard`."""

    shard: int
    start: int
    stop: int


class ShardPlan(Sequence[Shard]):
    """The shards of a listing, computed when asked for: 100 million tracks take no more memory than one."""

    def __init__(self, tracks: int, shard_tracks: int) -> None:
        if tracks < 0 or shard_tracks < 1:
            raise ValueError(f"cannot cut {tracks} tracks into shards of {shard_tracks}")
        self._tracks = tracks
        self._shard_tracks = shard_tracks

    def __len__(self) -> int:
        return len(range(0, self._tracks, self._shard_tracks))

    @overload
    def __getitem__(self, index: int) -> Shard: ...
    @overload
    def __getitem__(self, index: slice) -> list[Shard]: ...
    def __getitem__(self, index: int | slice) -> Shard | list[Shard]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        start = number * self._shard_tracks
        return Shard(number, start, min(start + self._shard_tracks, self._tracks))


def suitable_shard_tracks(tracks: int, most: int) -> int:
    """The size of a shard of a catalog of so many tracks: a 64th of it, but at least 1,024 and at most `most`.

    A driver that dies loses a shard, a 64th of the work; and each shard is a file, so they should not be small.
    """
    return max(_LEAST_TRACKS, min(most, -(-tracks // _LEAST_SHARDS)))


def plan_shards(tracks: int, shard_tracks: int) -> ShardPlan:
    """Shards of `shard_tracks` rows each, the last one with what is left; together all rows, in order.

    Raises ValueError for fewer than one row a shard.
    """
    return ShardPlan(tracks, shard_tracks)


def plan_batches(shard: Shard, batch_tracks: int) -> list[Batch]:
    """As few batches of at most `batch_tracks` rows as the shard needs, with sizes that differ by one at most.

    Raises ValueError for fewer than one row a batch.
    """
    if batch_tracks < 1:
        raise ValueError(f"cannot cut a shard into batches of {batch_tracks}")
    tracks = shard.stop - shard.start
    batches = -(-tracks // batch_tracks)
    cuts = [shard.start + tracks * number // batches for number in range(batches)] + [shard.stop]
    return [Batch(shard.index, start, stop) for start, stop in pairwise(cuts)]
