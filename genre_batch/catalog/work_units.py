"""How a listing is cut: into shards, the unit of commit; parts, the unit of staging; and batches, the unit of work.

All three are row ranges of the listing. A shard that is too large for the driver's memory has several parts, whose
outcomes wait on storage until all are there; any other shard is its own only part. A part is sent to actors in batches.
Pure arithmetic: plans compute their elements on request, so 100 million tracks take no more memory than one.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import TypeVar, overload

_Unit = TypeVar("_Unit")
_LEAST_TRACKS = 1024
_LEAST_SHARDS = 16


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows `start` to `stop` (exclusive) of the listing, committed together; `index` counts the shards of a run."""

    index: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `start` to `stop` (exclusive) of the listing, all of the shard with index `shard`, gathered in memory.

    `index` counts the parts of a run, across its shards.
    """

    index: int
    shard: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows `start` to `stop` (exclusive) of the listing, all of the part with index `part`, sent to one actor."""

    part: int
    start: int
    stop: int


class _Plan(Sequence[_Unit]):
    """A sequence that computes its elements."""

    @abstractmethod
    def _nth(self, index: int) -> _Unit: ...

    @overload
    def __getitem__(self, index: int) -> _Unit: ...
    @overload
    def __getitem__(self, index: slice) -> list[_Unit]: ...
    def __getitem__(self, index: int | slice) -> _Unit | list[_Unit]:
        if isinstance(index, slice):
            return [self._nth(each) for each in range(len(self))[index]]
        return self._nth(range(len(self))[index])


@dataclass(frozen=True, slots=True)
class ShardPlan(_Plan[Shard]):
    """Shards of `shard_tracks` rows each, the last one with the rest; together all `tracks` rows, in order.

    Raises ValueError for fewer than one row a shard.
    """

    tracks: int
    shard_tracks: int

    def __post_init__(self) -> None:
        if self.tracks < 0 or self.shard_tracks < 1:
            raise ValueError(f"cannot cut {self.tracks} tracks into shards of {self.shard_tracks}")

    def __len__(self) -> int:
        return len(range(0, self.tracks, self.shard_tracks))

    def _nth(self, index: int) -> Shard:
        start = index * self.shard_tracks
        return Shard(index, start, min(start + self.shard_tracks, self.tracks))


@dataclass(frozen=True, slots=True)
class PartPlan(_Plan[Part]):
    """The parts of all shards of a run, in order: at most `part_tracks` rows each, and never rows of two shards.

    Raises ValueError for fewer than one row a shard or a part.
    """

    tracks: int
    shard_tracks: int
    part_tracks: int

    def __post_init__(self) -> None:
        if self.tracks < 0 or self.shard_tracks < 1 or self.part_tracks < 1:
            raise ValueError(
                f"cannot cut {self.tracks} tracks into shards of {self.shard_tracks} and parts of {self.part_tracks}"
            )

    @property
    def shards(self) -> ShardPlan:
        """The shards that the parts are of."""
        return ShardPlan(self.tracks, self.shard_tracks)

    @property
    def staged(self) -> int:
        """How many parts wait on storage for others of their shard."""
        if self._per_shard == 1:
            return 0
        rest = self.tracks % self.shard_tracks
        return len(self) - (0 < rest <= self.part_tracks)

    def of(self, shard: int) -> list[Part]:
        """The parts of one shard, in order. Raises IndexError if there is no such shard."""
        rows = self.shards[shard]
        first = shard * self._per_shard
        return self[first : first + -(-(rows.stop - rows.start) // self.part_tracks)]

    def __len__(self) -> int:
        whole, rest = divmod(self.tracks, self.shard_tracks)
        return whole * self._per_shard + -(-rest // self.part_tracks)

    def _nth(self, index: int) -> Part:
        shard, number = divmod(index, self._per_shard)
        start = shard * self.shard_tracks + number * self.part_tracks
        return Part(index, shard, start, min(start + self.part_tracks, (shard + 1) * self.shard_tracks, self.tracks))

    @property
    def _per_shard(self) -> int:
        return -(-self.shard_tracks // self.part_tracks)


def suitable_shard_tracks(tracks: int, most: int) -> int:
    """Rows per shard that suit a catalog of `tracks` tracks: a 16th of it, but at least 1,024 and at most `most`.

    Readers see the rows of a shard only when all are there, so a shard should not be large; each shard is a file of its
    own, so it should not be small either.
    """
    return max(_LEAST_TRACKS, min(most, -(-tracks // _LEAST_SHARDS)))


def plan_parts(tracks: int, part_tracks: int) -> PartPlan:
    """Parts of `part_tracks` rows each, the last one with the rest, for shards of one part each.

    Raises ValueError for fewer than one row a part.
    """
    return PartPlan(tracks, part_tracks, part_tracks)


def tracks_of_parts(parts: Iterable[Part]) -> int:
    """How many tracks these parts have."""
    return sum(part.stop - part.start for part in parts)


def strided(parts: Sequence[Part], lanes: int) -> list[Part]:
    """The same parts, taken in turn from `lanes` stretches of equal length: neighbours in the result lie far apart.

    Storage limits the requests per prefix, and parts beside each other in the listing share one. Within a stretch the
    order stays, so that its shards are complete one after the other. Raises ValueError for fewer than one lane.
    """
    if lanes < 1:
        raise ValueError(f"cannot take parts from {lanes} lanes")
    cuts = [len(parts) * lane // lanes for lane in range(lanes + 1)]
    turns = zip_longest(*(parts[start:stop] for start, stop in pairwise(cuts)))
    return [part for turn in turns for part in turn if part is not None]


class UncutPart:
    """The rows of a part that are in no batch yet."""

    def __init__(self, part: Part) -> None:
        self._part, self._next = part, part.start
        self._first, self._taken, self._batch_tracks = part.start, 0, 0

    @property
    def is_empty(self) -> bool:
        """Whether all rows are in batches."""
        return self._next == self._part.stop

    def take(self, batch_tracks: int) -> Batch:
        """The next batch, of at most `batch_tracks` rows.

        While that stays the same, batches are as few as it allows, and their sizes differ by at most one. Raises
        ValueError for fewer than one row a batch.
        """
        if batch_tracks < 1:
            raise ValueError(f"cannot cut a part into batches of {batch_tracks}")
        if batch_tracks != self._batch_tracks:
            self._first, self._taken, self._batch_tracks = self._next, 0, batch_tracks
        self._taken += 1
        tracks, start = self._part.stop - self._first, self._next
        self._next = self._first + tracks * self._taken // -(-tracks // batch_tracks)
        return Batch(self._part.index, start, self._next)
