"""The Parquet sink of a run: which shards are committed, and the protocol that keeps this true after any crash.

A shard is three objects, written in this order and each only if it does not exist yet (`Store.create`):

1. its answers (scores, or features), even if there are none: whoever creates this file decides which tracks have one;
2. its rejects, one for each track without an answer, if there are any;
3. its marker, which names both files with their hashes.

Nothing is ever overwritten, so a slow or crashed driver of the same run cannot make a marker wrong later, and a second
driver adopts what it finds. docs/decisions/0001-commit-protocol.md has the argument.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.json_records import parse, to_json
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.map_ahead import map_ahead
from genre_batch.sink.parquet import from_bytes, to_bytes
from genre_batch.sink.reconcile import reconcile_rejects
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.tables import MakeTable, ShardTables, make_scores, shard_tables, version_keys
from genre_batch.storage.store import Store

_READERS = 16


class Ledger:
    """The committed shards of one run below `output`, as a `Sink`. It holds no state, so threads may share it.

    `make_table` makes the table of a shard's answers.
    """

    def __init__(self, store: Store, output: str, run: RunFacts, make_table: MakeTable = make_scores) -> None:
        self._store = store
        self._output = output
        self._run = run
        self._make_table = make_table

    def commit(
        self, shard_index: int, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]
    ) -> CommitRecord:
        """Commit the outcomes of all tracks of a shard, as rows in any order, and return what its marker says.

        That may be the outcomes of another driver, if it came first. Call it again after a crash or an error. Raises
        ValueError if a track has two outcomes, DamageFound if what is on storage cannot come from this run, and what
        the store raises.
        """
        return self.commit_tables(shard_index, self.tables(answered, rejected))

    def tables(self, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> ShardTables:
        """The rows as tables of this run. Raises ValueError if a track has two outcomes."""
        return shard_tables(answered, rejected, self._run, self._make_table)

    def commit_tables(self, shard_index: int, tables: ShardTables) -> CommitRecord:
        """The same as `commit`, for tables."""
        answers_file, answers = self._settle(layout.answers_path(self._run, shard_index), tables.answers)
        wanted = reconcile_rejects(answers, tables, self._run)
        if not wanted.num_rows:
            return self._mark(CommitRecord(shard=shard_index, files=(answers_file,), counts=Counts.of(answers, None)))
        rejects_file, rejects = self._settle(layout.rejects_path(self._run, shard_index), wanted)
        if not version_keys(rejects).equals(version_keys(wanted)):
            raise DamageFound(f"{rejects_file.path} does not fit its answers", repair_hint(self._output))
        counts = Counts.of(answers, rejects)
        return self._mark(CommitRecord(shard=shard_index, files=(answers_file, rejects_file), counts=counts))

    def shards(self) -> set[int]:
        """The committed shards, which a resumed run skips. Costs a listing, and no reads."""
        markers = self._store.list(layout.at(self._output, layout.commits_folder(self._run.run_id)))
        found = (layout.shard_of_commit(marker.uri) for marker in markers)
        return {shard for shard in found if shard is not None}

    def record(self, shard_index: int) -> CommitRecord:
        """What the marker of one shard says.

        Raises ObjectGone if the shard is not committed, DamageFound if the marker cannot be parsed.
        """
        path = layout.commit_path(self._run.run_id, shard_index)
        return parse(self._store.read(layout.at(self._output, path)), CommitRecord, path, self._output)

    def records(self) -> Iterator[CommitRecord]:
        """What each marker says, in the order of the shards, streamed with several concurrent reads."""
        with ThreadPoolExecutor(_READERS) as executor:
            yield from map_ahead(self.record, sorted(self.shards()), executor, 2 * _READERS)

    def _settle(self, path: str, table: pa.Table) -> tuple[DataFile, pa.Table]:
        """The file at `path` from now on: this table, unless another driver's is already there."""
        data = to_bytes(table, self._run)
        uri = layout.at(self._output, path)
        if not self._store.create(uri, data):
            data = self._store.read(uri)
            table = from_bytes(data, table.schema, self._run, path, self._output)
        return DataFile.of(path, data, table.num_rows), table

    def _mark(self, record: CommitRecord) -> CommitRecord:
        path = layout.commit_path(self._run.run_id, record.shard)
        if self._store.create(layout.at(self._output, path), to_json(record)):
            return record
        marked = self.record(record.shard)
        if marked.files != record.files:
            raise DamageFound(f"{path} names other files than those on storage", repair_hint(self._output))
        return marked
