"""The outcomes of parts of shards: staged on storage until all parts of their shard are there.

A part is one file with both tables, so that either all of its outcomes are there or none.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.work_units import Part
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.parquet import from_bytes, metadata_of, staged_bytes
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack, file_schema
from genre_batch.sink.sink import Sink
from genre_batch.sink.tables import ShardTables, concat_shard_tables
from genre_batch.storage.store import AccessDenied, ObjectGone, Store, WriteFailed


def staged_uri(output: str, run: RunFacts, part: Part) -> str:
    """The URI of the outcomes of a part."""
    return layout.at(output, layout.staged_path(run.run_id, part.start, part.stop))


def write_part(store: Store, output: str, run: RunFacts, part: Part, tables: ShardTables) -> None:
    """Write the outcomes of a part, unless another driver already has: its outcomes are equally valid."""
    rows = pa.concat_tables([_nullable(tables.answers), _nullable(tables.rejects)], promote_options="default")
    store.create(staged_uri(output, run, part), staged_bytes(rows, run, _rows_of(part)))


def read_part(store: Store, output: str, run: RunFacts, part: Part, answers: pa.Schema) -> ShardTables:
    """The outcomes of a part, whichever driver wrote them; `answers` is the schema of that table.

    Raises ObjectGone if there are none, DamageFound if they are not those of this part, and what the store raises.
    """
    return part_tables(store.read(staged_uri(output, run, part)), run, part, answers, output)


def part_tables(data: bytes, run: RunFacts, part: Part, answers: pa.Schema, output: str) -> ShardTables:
    """The outcomes in a staged file. Raises DamageFound if they are not those of this part."""
    path = layout.staged_path(run.run_id, part.start, part.stop)
    rejects = file_schema("rejects", run.schema_version)
    schema = pa.unify_schemas([_nullable(schema.empty_table()).schema for schema in (answers, rejects)])
    rows = from_bytes(data, schema, run, path, output)
    if not _rows_of(part).items() <= metadata_of(rows).items():
        raise DamageFound(f"{path} does not hold these rows of the listing", repair_hint(output))
    rejected = pc.is_valid(rows["reason"])
    try:
        tables = ShardTables(
            _not_nullable(rows.filter(pc.invert(rejected)), answers), _not_nullable(rows.filter(rejected), rejects)
        )
    except ValueError as error:
        raise DamageFound(f"{path} has missing values: {error}", repair_hint(output)) from error
    if tables.tracks != part.stop - part.start:
        raise DamageFound(f"{path} has {tables.tracks:,} tracks", repair_hint(output))
    return tables


def _rows_of(part: Part) -> dict[str, str]:
    """Metadata of a staged file: by its name alone, a file that was renamed could be committed with another shard."""
    return {"listing_rows": f"{part.start}-{part.stop}"}


def _nullable(table: pa.Table) -> pa.Table:
    """The same rows with nullable columns, since rows of the other table have no value in some of them."""
    fields = [field.with_nullable(True) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _not_nullable(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.select(schema.names).cast(schema)


class PartLedger:
    """The remaining work of a run, and where its outcomes go: they are staged in parts until a shard is complete.

    Threads may share it after `left` or `take_up` has returned.
    """

    def __init__(self, store: Store, output: str, plan: RunPlan, sink: Sink) -> None:
        self._store, self._output, self._plan, self._sink = store, output, plan, sink
        self._parts = plan.parts
        self._staged: defaultdict[int, set[int]] = defaultdict(set)
        self._lock, self._one_shard_at_a_time = threading.Lock(), threading.Lock()

    def left(self) -> list[Part]:
        """The parts that have no outcomes yet, in order. Writes nothing; costs two listings."""
        staged, committed = self._staged_uris(), self._sink.shards()
        return self._left(staged, committed)

    def take_up(self) -> list[Part]:
        """The same as `left`, after the work that a crashed driver left behind.

        Shards whose parts are all there are committed; parts of committed shards are deleted. Costs two listings.
        Raises what `commit` raises.
        """
        staged, committed = self._staged_uris(), self._sink.shards()
        for shard in range(self._plan.shards) if staged else ():
            parts = self._parts.of(shard)
            if shard in committed:
                self._delete_parts(shard, staged)
            elif all(self._uri(part) in staged for part in parts):
                self._commit_shard(shard, parts)
                committed.add(shard)
        return self._left(staged, committed)

    def commit(self, part: Part, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> None:
        """Store the outcomes of all tracks of a part permanently; the last part of a shard commits the shard.

        Raises ValueError if a track has two outcomes, DamageFound if what is on storage cannot come from this run, and
        what the store raises.
        """
        parts = self._parts.of(part.shard)
        tables = self._sink.tables(answered, rejected)
        if len(parts) == 1:
            self._sink.commit_tables(part.shard, tables)
            return
        write_part(self._store, self._output, self._plan, part, tables)
        with self._lock:
            self._staged[part.shard].add(part.index)
            complete = len(self._staged[part.shard]) == len(parts)
        if complete:
            self._commit_shard(part.shard, parts)

    def _left(self, staged: set[str], committed: set[int]) -> list[Part]:
        left: list[Part] = []
        for shard in range(self._plan.shards):
            if shard not in committed:
                parts = self._parts.of(shard)
                self._staged[shard] = {part.index for part in parts if self._uri(part) in staged}
                left += [part for part in parts if part.index not in self._staged[shard]]
        return left

    def _commit_shard(self, shard: int, parts: Sequence[Part]) -> None:
        """One shard at a time: memory holds the rows of all its tracks."""
        answers = self._sink.tables([], []).answers.schema
        with self._one_shard_at_a_time:
            try:
                tables = [read_part(self._store, self._output, self._plan, part, answers) for part in parts]
            except ObjectGone as gone:
                self._check_committed(shard, gone)
            else:
                self._sink.commit_tables(shard, concat_shard_tables(tables))
        self._delete_parts(shard, {self._uri(part) for part in parts})

    def _check_committed(self, shard: int, gone: ObjectGone) -> None:
        """Staged outcomes may only disappear once their shard is committed, here by another driver."""
        try:
            self._sink.record(shard)
        except ObjectGone:
            raise DamageFound(f"{gone}: staged outcomes have been removed", "start the run again") from gone

    def _delete_parts(self, shard: int, staged: set[str]) -> None:
        # parts that cannot be deleted do no harm: `gc` lists them
        with suppress(AccessDenied, WriteFailed):
            for uri in sorted(staged.intersection(map(self._uri, self._parts.of(shard)))):
                self._store.delete(uri)
        self._staged.pop(shard, None)

    def _staged_uris(self) -> set[str]:
        folder = layout.at(self._output, layout.staged_folder(self._plan.run_id))
        return {found.uri for found in self._store.list(folder)}

    def _uri(self, part: Part) -> str:
        return staged_uri(self._output, self._plan, part)
