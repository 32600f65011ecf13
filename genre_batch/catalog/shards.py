"""How a listing is cut: into shards, the unit of commit, and batches, the unit of work. Pure arithmetic.

A shard that is too large for the driver's memory is cut into parts, which are done like shards of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

_LEAST_TRACKS = 1024
_LEAST_SHARDS = 16


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
    """The size of a shard of a catalog of so many tracks: a 16th of it, but at least 1,024 and at most `most`.

    Readers see a shard's rows when it is whole; and each shard is a file, so they should not be small.
    """
    return max(_LEAST_TRACKS, min(most, -(-tracks // _LEAST_SHARDS)))


def plan_shards(tracks: int, shard_tracks: int) -> ShardPlan:
    """Shards of `shard_tracks` rows each, the last one with what is left; together all rows, in order.

    Raises ValueError for fewer than one row a shard.
    """
    return ShardPlan(tracks, shard_tracks)


@dataclass(frozen=True, slots=True)
class PartPlan:
    """The parts of all shards of a run: at most `part_tracks` rows each, numbered through, as shards are."""

    tracks: int
    shard_tracks: int
    part_tracks: int

    def of(self, shard_index: int) -> list[Shard]:
        """The parts of one shard, in order: together all its rows. A shard that is no larger is its only part."""
        shard = plan_shards(self.tracks, self.shard_tracks)[shard_index]
        starts = range(shard.start, shard.stop, self.part_tracks)
        first = shard_index * self._a_shard
        return [Shard(n, start, min(start + self.part_tracks, shard.stop)) for n, start in enumerate(starts, first)]

    def shard_of(self, part_index: int) -> int:
        """The index of the shard that this part is of."""
        return part_index // self._a_shard

    @property
    def staged(self) -> int:
        """How many parts there are in shards of more than one."""
        last = self.tracks % self.shard_tracks
        whole = self.tracks // self.shard_tracks * self._a_shard if self._a_shard > 1 else 0
        return whole + (-(-last // self.part_tracks) if last > self.part_tracks else 0)

    @property
    def _a_shard(self) -> int:
        return -(-self.shard_tracks // self.part_tracks)


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
