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


def staged_uri(output: str, run: RunFacts, part: Shard) -> str:
    """Where the outcomes of a part lie."""
    return layout.at(output, layout.staged_path(run.run_id, part.start, part.stop))


def write_part(store: Store, output: str, run: RunFacts, part: Shard, tables: ShardTables) -> None:
    """Write the outcomes of a part, unless another driver has: then its outcomes are as good, and stand."""
    rows = pa.concat_tables([_optional(tables.answers), _optional(tables.rejects)], promote_options="default")
    store.create(staged_uri(output, run, part), to_bytes(rows, run))


def read_part(store: Store, output: str, run: RunFacts, part: Shard, answers: pa.Schema) -> ShardTables:
    """The outcomes of a part, of whichever driver; `answers` is the schema of that table.

    Raises ObjectGone where there are none, DamageFound where they are not of this part, and what the store raises.
    """
    path = layout.staged_path(run.run_id, part.start, part.stop)
    schema = pa.unify_schemas([_optional(answers.empty_table()).schema, _optional(REJECTS.empty_table()).schema])
    rows = from_bytes(store.read(layout.at(output, path)), schema, run.run_id, path, output)
    rejected = pc.is_valid(rows["reason"])
    tables = ShardTables(_strict(rows.filter(pc.invert(rejected)), answers), _strict(rows.filter(rejected), REJECTS))
    if tables.tracks != part.stop - part.start:
        raise DamageFound(f"{path} has {tables.tracks:,} tracks", mend(output))
    return tables


def _optional(table: pa.Table) -> pa.Table:
    """The same rows, where a column that the other table lacks may be null."""
    fields = [field.with_nullable(True) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _strict(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.select(schema.names).cast(schema)
