"""What other runs of the same model have done since this one was planned, so that it is not done again."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_batch
from genre_batch.errors import DamageFound
from genre_batch.history.anti_join import not_done
from genre_batch.history.past_outcomes import shard_outcomes
from genre_batch.sink import layout
from genre_batch.sink.json_records import read_pointer
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.run_claim import Head
from genre_batch.sink.sink import open_sink
from genre_batch.storage.store import ObjectGone, Store

_DONE = Reject(RejectReason.DONE_ELSEWHERE, RejectStage.READ, "another run recorded an outcome for this track first")


@dataclass(slots=True)
class _Other:
    """A run of the same model. shards: those that are known. outcomes: by shard, those that came after our planning."""

    plan: RunPlan
    shards: set[int] = field(default_factory=set)
    outcomes: dict[int, pa.Table] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.shards) == self.plan.shards


class DoneElsewhere:
    """Looks, before a part is begun, for outcomes of its tracks that other runs have committed in the meantime.

    again: the reasons of rejects that are tried again. own_ids: returns the track_ids of this run, if they are few
    enough to be held. Runs that were planned after this one are read as a whole. Of older ones, which planning has read
    already, only what they commit from now on. Memory holds the keys of those outcomes that are of tracks of this run:
    a nightly run would otherwise hold all that a backfill beside it commits. With many tracks, it holds all keys.
    """

    def __init__(
        self,
        store: Store,
        output: str,
        plan: RunPlan,
        again: Collection[str],
        own_ids: Callable[[], pa.Array | pa.ChunkedArray] | None = None,
    ) -> None:
        self._store, self._output, self._plan, self._again = store, output, plan, again
        self._own_ids = cache(own_ids) if own_ids else None
        self._others: dict[str, _Other | None] = {}
        for run_id in self._candidates():
            other = self._other(run_id)
            if other is not None and run_id < plan.run_id:
                other.shards = self._committed(other)

    def settled(self, tracks: Sequence[Track]) -> dict[int, Reject]:
        """The places in `tracks`, which are sorted by track_id, of those with an outcome elsewhere; a reject for each.

        Raises DamageFound if another run has lost a committed file, and what the store raises.
        """
        self._look()
        known = list(self._known(tracks[0].track_id, tracks[-1].track_id)) if tracks else []
        if not known:
            return {}
        left = set(not_done(to_batch(tracks), known, self._again)["track_id"].to_pylist())
        return {place: _DONE for place, track in enumerate(tracks) if track.track_id not in left}

    def _candidates(self) -> Iterator[str]:
        """The runs that may commit something: those that heads name, and those planned after this one."""
        found = {run_id for run_id in run_ids(self._store, self._output) if run_id > self._plan.run_id}
        for head in self._store.list(layout.at(self._output, layout.HEADS_FOLDER)):
            with suppress(DamageFound):
                pointer = read_pointer(self._store, head.uri, Head)
                found |= {pointer[0].run_id} if pointer else set()
        yield from sorted(found - {self._plan.run_id})

    def _other(self, run_id: str) -> _Other | None:
        """The run, if it is of the same model. One that is being planned, was given up or is damaged is left out."""
        if run_id not in self._others:
            with suppress(ObjectGone, DamageFound):
                plan, mine = read_plan(self._store, self._output, run_id), self._plan
                same = (plan.model_id, plan.fingerprint) == (mine.model_id, mine.fingerprint)
                self._others[run_id] = _Other(plan) if same else None
        return self._others.get(run_id)

    def _look(self) -> None:
        for run_id in self._candidates():
            other = self._other(run_id)
            if other is None or other.complete:
                continue
            sink = open_sink(self._store, self._output, other.plan)
            for shard in self._committed(other) - other.shards:
                other.outcomes[shard] = self._own(shard_outcomes(self._store, self._output, sink.record(shard)))
                other.shards.add(shard)

    def _own(self, outcomes: pa.Table) -> pa.Table:
        """Those of tracks of this run."""
        if self._own_ids:
            outcomes = outcomes.filter(pc.is_in(outcomes["track_id"], value_set=self._own_ids()))
        return outcomes.combine_chunks()

    def _committed(self, other: _Other) -> set[int]:
        return open_sink(self._store, self._output, other.plan).shards()

    def _known(self, first: str, last: str) -> Iterator[pa.Table]:
        """The outcomes of tracks from `first` to `last`, ordered by run."""
        for _, other in sorted(self._others.items()):
            for _, outcomes in sorted(other.outcomes.items()) if other else ():
                start, stop = _range(outcomes["track_id"], first, last)
                if start < stop:
                    yield outcomes.slice(start, stop - start)


def _range(ids: pa.ChunkedArray, first: str, last: str) -> tuple[int, int]:
    """The places [start, stop) of the sorted `ids` that are neither before `first` nor after `last`."""

    def at(place: int) -> str:
        return str(ids[place].as_py())

    places = range(len(ids))
    return bisect_left(places, first, key=at), bisect_right(places, last, key=at)
