"""Tables to the bytes of a Parquet file and back: same rows and same run, same bytes."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from genre_batch.errors import DamageFound
from genre_batch.model.bundle import OUTPUT_SCHEMA_VERSION
from genre_batch.sink.mending import mend
from genre_batch.sink.run_facts import RunFacts

_GROUP_ROWS = 131_072


def to_bytes(table: pa.Table, run: RunFacts, more: Mapping[str, str] | None = None) -> bytes:
    """The table as one zstd-compressed Parquet file with page checksums, the facts of the run and `more` as metadata.

    How the table is cut into chunks makes no difference; a row group at a time is held besides it.
    """
    sink, schema = pa.BufferOutputStream(), table.schema.with_metadata(file_metadata(run) | dict(more or {}))
    with pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True, version="2.6") as writer:
        for start in range(0, max(1, table.num_rows), _GROUP_ROWS):
            writer.write_table(table.slice(start, _GROUP_ROWS).combine_chunks(), row_group_size=_GROUP_ROWS)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_bytes(data: bytes, schema: pa.Schema, run_id: str, path: str, output: str = "OUTPUT") -> pa.Table:
    """The table of a file that this run wrote; `path` is for the message, and `output` for its hint.

    Raises DamageFound where the bytes are not such a file.
    """
    table = read_columns(data, None, path, output)
    metadata = table.schema.metadata or {}
    if not table.schema.equals(schema) or metadata.get(b"run_id") != run_id.encode():
        raise DamageFound(f"{path} is not a file of this run", mend(output))
    return table


def read_columns(data: bytes, columns: list[str] | None, path: str, output: str = "OUTPUT") -> pa.Table:
    """These columns (None: all) of a Parquet file, page checksums verified. Raises DamageFound, which names `path`."""
    try:
        return pq.read_table(pa.BufferReader(data), columns=columns, use_threads=False, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        raise DamageFound(f"{path} cannot be read as Parquet: {error}", mend(output)) from error


def file_metadata(run: RunFacts) -> dict[str, str]:
    """The facts of a run that each of its files carries."""
    return {
        "run_id": run.run_id,
        "model_id": run.model_id,
        "fingerprint": run.fingerprint,
        "git_sha": run.git_sha,
        "config_sha256": run.config_sha256,
        "library_versions": json.dumps(run.versions, sort_keys=True),
        "output_schema_version": str(OUTPUT_SCHEMA_VERSION),
    }
