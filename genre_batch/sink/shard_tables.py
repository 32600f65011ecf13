"""The outcomes of a shard's tracks, or of a part of one, as the two tables that are written."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.sink.answers import MakeTable, once_a_track
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack
from genre_batch.sink.tables import rejects_table


@dataclass(frozen=True, slots=True)
class ShardTables:
    """`answers` and `rejects`, each in the order of the listing; every track is in one of them."""

    answers: pa.Table
    rejects: pa.Table

    @property
    def tracks(self) -> int:
        """How many tracks there are."""
        return int(once_a_track(self.answers).num_rows + self.rejects.num_rows)


def shard_tables(
    answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack], run: RunFacts, make_table: MakeTable
) -> ShardTables:
    """The tables of these rows, whatever order they come in. Raises ValueError for a track with two outcomes."""
    answers = make_table(sorted(answered, key=_by_track_id), run)
    tables = ShardTables(answers, rejects_table(sorted(rejected, key=_by_track_id), run))
    _check_once(tables)
    return tables


def joined(parts: Sequence[ShardTables]) -> ShardTables:
    """The tables of a whole shard from those of its parts, in order. Raises ValueError for a track with two outcomes.

    What is written of them is the same as of tables that were made at once.
    """
    answers = pa.concat_tables([part.answers for part in parts])
    tables = ShardTables(answers, pa.concat_tables([part.rejects for part in parts]))
    _check_once(tables)
    return tables


def _check_once(tables: ShardTables) -> None:
    ids = pa.concat_tables([table.select(["track_id"]) for table in (once_a_track(tables.answers), tables.rejects)])
    if pc.count_distinct(ids["track_id"]).as_py() != ids.num_rows:
        raise ValueError("a track of the shard has two outcomes")


def _by_track_id(row: AnsweredTrack | RejectedTrack) -> str:
    return row.track.track_id
