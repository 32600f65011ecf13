"""The outcomes of one part of a shard on storage: both tables in one file, so that they are there together or not."""

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.shards import Shard
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.mending import mend
from genre_batch.sink.parquet import from_bytes, to_bytes
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import REJECTS
from genre_batch.sink.shard_tables import ShardTables
from genre_batch.storage.store import Store

_ROWS = "listing_rows"


def staged_uri(output: str, run: RunFacts, part: Shard) -> str:
    """Where the outcomes of a part lie."""
    return layout.at(output, layout.staged_path(run.run_id, part.start, part.stop))


def write_part(store: Store, output: str, run: RunFacts, part: Shard, tables: ShardTables) -> None:
    """Write the outcomes of a part, unless another driver has: then its outcomes are as good, and stand."""
    rows = pa.concat_tables([_optional(tables.answers), _optional(tables.rejects)], promote_options="default")
    store.create(staged_uri(output, run, part), to_bytes(rows, run, {_ROWS: _rows_of(part)}))


def read_part(store: Store, output: str, run: RunFacts, part: Shard, answers: pa.Schema) -> ShardTables:
    """The outcomes of a part, of whichever driver; `answers` is the schema of that table.

    Raises ObjectGone where there are none, DamageFound where they are not of this part, and what the store raises.
    """
    return part_tables(store.read(staged_uri(output, run, part)), run, part, answers, output)


def part_tables(data: bytes, run: RunFacts, part: Shard, answers: pa.Schema, output: str) -> ShardTables:
    """The outcomes that a staged file holds. Raises DamageFound where they are not of this part."""
    path = layout.staged_path(run.run_id, part.start, part.stop)
    schema = pa.unify_schemas([_optional(answers.empty_table()).schema, _optional(REJECTS.empty_table()).schema])
    rows = from_bytes(data, schema, run.run_id, path, output)
    # the name alone would let a file that was moved to another name be committed with the wrong shard
    if (rows.schema.metadata or {}).get(_ROWS.encode()) != _rows_of(part).encode():
        raise DamageFound(f"{path} does not say that it is of these rows of the listing", mend(output))
    rejected = pc.is_valid(rows["reason"])
    try:
        tables = ShardTables(
            _strict(rows.filter(pc.invert(rejected)), answers), _strict(rows.filter(rejected), REJECTS)
        )
    except ValueError as error:
        raise DamageFound(f"{path} lacks values: {error}", mend(output)) from error
    if tables.tracks != part.stop - part.start:
        raise DamageFound(f"{path} has {tables.tracks:,} tracks", mend(output))
    return tables


def _rows_of(part: Shard) -> str:
    return f"{part.start}-{part.stop}"


def _optional(table: pa.Table) -> pa.Table:
    """The same rows, where a column that the other table lacks may be null."""
    fields = [field.with_nullable(True) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _strict(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.select(schema.names).cast(schema)
