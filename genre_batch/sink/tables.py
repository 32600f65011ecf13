"""Rows to Arrow tables, in the schema version of their run; and the tables of one shard together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import (
    REJECT_COLUMNS,
    SCORE_COLUMNS,
    AnsweredTrack,
    Columns,
    DescribedTrack,
    RejectedTrack,
    Row,
    ScoredTrack,
    feature_columns,
    schema_of,
)

MakeTable = Callable[[Sequence[AnsweredTrack], RunFacts], pa.Table]
_Answer = TypeVar("_Answer", ScoredTrack, DescribedTrack)

OUTCOME = pa.schema([(name, pa.string()) for name in ("track_id", "etag", "reason")])
PLACED = OUTCOME.append(pa.field("run", pa.int32()))
"""Outcomes of several runs. run: the number of its run."""


def to_table(rows: Sequence[Row], columns: Columns[Row], run: RunFacts) -> pa.Table:
    """The rows in the same order, with the columns that the schema version of `run` has."""
    schema = schema_of(columns, run.schema_version)
    values = {column.name: column.values(rows, run) for column in columns if column.name in schema.names}
    return pa.table(values, schema=schema)


def rejects_table(rows: Sequence[RejectedTrack], run: RunFacts) -> pa.Table:
    """The rows in the same order, as a table of `rejects`."""
    return to_table(rows, REJECT_COLUMNS, run)


def make_scores(rows: Sequence[AnsweredTrack], run: RunFacts) -> pa.Table:
    """The rows in the same order, as a table of `scores`. Raises TypeError for anything but scored tracks."""
    return to_table([_checked(row, ScoredTrack) for row in rows], SCORE_COLUMNS, run)


def features_maker(front_end: DescriptorFrontEnd) -> MakeTable:
    """The function that makes a table of `features`, with the descriptors of `front_end`.

    It raises TypeError for anything but described tracks.
    """
    columns = feature_columns(front_end.columns, front_end.segment_s)
    return lambda rows, run: to_table([_checked(row, DescribedTrack) for row in rows], columns, run)


def _checked(row: AnsweredTrack, kind: type[_Answer]) -> _Answer:
    if not isinstance(row, kind):
        raise TypeError(f"expected a {kind.__name__}, not a {type(row).__name__}")
    return row


def one_row_per_track(answers: pa.Table) -> pa.Table:
    """The first row of each track: all rows of `scores`, and one of the rows that `features` have for a track."""
    return answers.filter(pc.equal(answers["segment"], 0)) if "segment" in answers.column_names else answers


def nth_pair(top_k: pa.ListArray, number: int, name: str) -> pa.Array:
    """The field `name` of the pair with this number in each list of the column `top_k`; null if it is shorter."""
    starts, lengths = np.asarray(top_k.offsets)[:-1], np.asarray(pc.list_value_length(top_k))
    places = pa.array(starts + number, mask=lengths <= number)
    return top_k.values.field(name).take(places)


def drop_tracks(rows: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The rows whose track_id is not among `ids`."""
    return rows.filter(pc.invert(pc.is_in(rows["track_id"], value_set=ids)))


def version_keys(rows: pa.RecordBatch | pa.Table) -> pa.Array | pa.ChunkedArray:
    """Etag and track_id of each row as one string; the length of the etag in front makes the string unambiguous."""
    etags = rows["etag"]
    return pc.binary_join_element_wise(pc.binary_length(etags).cast(pa.string()), etags, rows["track_id"], ":")


def with_run(batch: pa.RecordBatch, number: int) -> pa.RecordBatch:
    """The outcomes of one run with its number."""
    # not every source of outcomes says that they are never null, and a table has one schema
    columns = [batch[name].cast(pa.string()) for name in OUTCOME.names]
    run = pa.repeat(pa.scalar(number, pa.int32()), batch.num_rows)
    return pa.RecordBatch.from_arrays([*columns, run], schema=PLACED)


@dataclass(frozen=True, slots=True)
class ShardTables:
    """`answers` and `rejects` in listing order; every track of the shard is in exactly one of them."""

    answers: pa.Table
    rejects: pa.Table

    @property
    def tracks(self) -> int:
        """The number of tracks."""
        return int(one_row_per_track(self.answers).num_rows + self.rejects.num_rows)


def shard_tables(
    answered: Sequence[AnsweredTrack], rejected: Sequence[RejectedTrack], run: RunFacts, make_table: MakeTable
) -> ShardTables:
    """The tables of these rows, which may come in any order. Raises ValueError if a track has two outcomes."""
    answers = make_table(sorted(answered, key=_track_id), run)
    tables = ShardTables(answers, rejects_table(sorted(rejected, key=_track_id), run))
    _check_one_outcome_each(tables)
    return tables


def concat_shard_tables(parts: Sequence[ShardTables]) -> ShardTables:
    """The tables of a whole shard from those of its parts, in order. Raises ValueError if a track has two outcomes.

    The files written from them equal those of tables that were made in one go.
    """
    answers = pa.concat_tables([part.answers for part in parts])
    tables = ShardTables(answers, pa.concat_tables([part.rejects for part in parts]))
    _check_one_outcome_each(tables)
    return tables


def _check_one_outcome_each(tables: ShardTables) -> None:
    both = [table.select(["track_id"]) for table in (one_row_per_track(tables.answers), tables.rejects)]
    ids = pa.concat_tables(both)["track_id"]
    if pc.count_distinct(ids).as_py() != len(ids):
        raise ValueError("a track of the shard has two outcomes")


def _track_id(row: AnsweredTrack | RejectedTrack) -> str:
    return row.track.track_id
