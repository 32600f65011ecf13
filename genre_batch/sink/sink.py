"""A sink: the tables of a shard go in, a record of the committed files comes out. `open_sink` chooses one."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from genre_batch.sink.ledger import Ledger
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.tables import MakeTable, ShardTables, make_scores
from genre_batch.storage.store import Store


class Sink(Protocol):
    """The committed shards of one run. `Ledger` is the sink that writes Parquet files.

    Threads share a sink. Several drivers may run at once and each of them may crash at any point, so a commit must take
    effect exactly once, even if several drivers repeat it. Parts of shards, manifest, resuming and the anti-join build
    on these methods alone; the files that a record names must be Parquet for the anti-join and verification to read.
    """

    def tables(self, answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack]) -> ShardTables:
        """The rows as tables of this run. Raises ValueError if a track has two outcomes."""

    def commit_tables(self, shard_index: int, tables: ShardTables) -> CommitRecord:
        """Commit the outcomes of all tracks of a shard, and return what is committed from now on.

        That may be the outcomes of another driver, if it came first. Raises DamageFound if what is on storage cannot
        come from this run, and what the store raises.
        """

    def shards(self) -> set[int]:
        """The committed shards, which a resumed run skips."""

    def record(self, shard_index: int) -> CommitRecord:
        """The record of one shard. Raises ObjectGone if it is not committed, DamageFound if it cannot be parsed."""

    def records(self) -> Iterator[CommitRecord]:
        """The records of all committed shards, in order."""


def open_sink(store: Store, output: str, run: RunFacts, make_table: MakeTable = make_scores) -> Sink:
    """The sink that holds the committed shards of `run` below `output`.

    `make_table` makes the table of a shard's answers. All code that commits or reads shards gets its sink here, so
    another one is added in its own file and in this function.
    """
    return Ledger(store, output, run, make_table)
