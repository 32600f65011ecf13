"""The ledger of a run whose shards are too large to be held in memory, or to be lost with a driver: part by part.

The outcomes of a part wait in `staged/`, which readers of the table skip, until all parts of their shard are there.
Then the shard is committed from them, as any other, and they are deleted. A staged file is never overwritten and may
be of any driver of the run, so all drivers commit the same bytes; one that is missing is done again.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from genre_batch.catalog.shards import Shard
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.shard_tables import joined
from genre_batch.sink.staged_part import read_part, staged_uri, write_part
from genre_batch.storage.store import AccessDenied, ObjectGone, Store, WriteFailed


class PartLedger:
    """What is left of a run, and the place for its outcomes. Threads may share it, once it is known what is left."""

    def __init__(self, store: Store, output: str, plan: RunPlan, ledger: Ledger) -> None:
        self._store, self._output, self._plan, self._ledger = store, output, plan, ledger
        self._parts = plan.parts
        self._staged: defaultdict[int, set[int]] = defaultdict(set)
        self._lock, self._whole = threading.Lock(), threading.Lock()

    def left(self) -> list[Shard]:
        """The parts that have no outcomes yet, in order. Writes nothing; costs two listings."""
        staged, committed = self._staged_uris(), self._ledger.shards()
        return self._left(staged, committed)

    def take_up(self) -> list[Shard]:
        """What is `left`, after what drivers that died had still to do: shards whose parts are all there are committed.

        The parts of committed shards are deleted. Costs two listings. Raises as `commit` does.
        """
        staged, committed = self._staged_uris(), self._ledger.shards()
        for shard in range(self._plan.shards) if staged else ():
            parts = self._parts.of(shard)
            if shard in committed:
                self._clear(shard, staged)
            elif all(self._uri(part) in staged for part in parts):
                self._commit_whole(shard, parts)
                committed.add(shard)
        return self._left(staged, committed)

    def commit(self, part_index: int, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> None:
        """Keep the outcomes of all tracks of a part for good; the last part of a shard commits it.

        Raises ValueError for a track with two outcomes, DamageFound where what is on storage cannot come from this run,
        and what the store raises.
        """
        shard = self._parts.shard_of(part_index)
        parts = self._parts.of(shard)
        if len(parts) == 1:
            self._ledger.commit(shard, answered, rejected)
            return
        part = parts[part_index - parts[0].index]
        write_part(self._store, self._output, self._plan, part, self._ledger.tables(answered, rejected))
        with self._lock:
            self._staged[shard].add(part_index)
            whole = len(self._staged[shard]) == len(parts)
        if whole:
            self._commit_whole(shard, parts)

    def _left(self, staged: set[str], committed: set[int]) -> list[Shard]:
        left: list[Shard] = []
        for shard in range(self._plan.shards):
            if shard not in committed:
                parts = self._parts.of(shard)
                self._staged[shard] = {part.index for part in parts if self._uri(part) in staged}
                left += [part for part in parts if part.index not in self._staged[shard]]
        return left

    def _commit_whole(self, shard: int, parts: Sequence[Shard]) -> None:
        """One shard at a time: memory holds the rows of all its tracks."""
        answers = self._ledger.tables([], []).answers.schema
        with self._whole:
            try:
                tables = [read_part(self._store, self._output, self._plan, part, answers) for part in parts]
            except ObjectGone as gone:
                self._check_committed(shard, gone)
            else:
                self._ledger.commit_tables(shard, joined(tables))
        self._clear(shard, {self._uri(part) for part in parts})

    def _check_committed(self, shard: int, gone: ObjectGone) -> None:
        """Staged outcomes that were there may only go once their shard is committed, by another driver then."""
        try:
            self._ledger.record(shard)
        except ObjectGone:
            raise DamageFound(f"{gone}: staged outcomes have been removed", "start the run again") from gone

    def _clear(self, shard: int, staged: set[str]) -> None:
        # what may not or cannot be deleted does no harm: `gc` lists it
        with suppress(AccessDenied, WriteFailed):
            for uri in sorted(staged.intersection(map(self._uri, self._parts.of(shard)))):
                self._store.delete(uri)
        self._staged.pop(shard, None)

    def _staged_uris(self) -> set[str]:
        folder = layout.at(self._output, layout.staged_folder(self._plan.run_id))
        return {found.uri for found in self._store.list(folder)}

    def _uri(self, part: Shard) -> str:
        return staged_uri(self._output, self._plan, part)
