"""Tables to the bytes of a Parquet file and back: same rows and same run, same bytes."""

import json
from collections.abc import Mapping
from typing import TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from genre_batch.errors import DamageFound
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import file_schema

_GROUP_ROWS = 131_072
_KEYS = frozenset({"track_id", "uri", "etag", "size_bytes"})


def to_bytes(table: pa.Table, run: RunFacts, more: Mapping[str, str] | None = None) -> bytes:
    """The table as one zstd-compressed Parquet file with page checksums, the facts of the run and `more` as metadata.

    The chunks of the table do not influence the bytes. Memory holds one row group besides the table.
    """
    return file_bytes(table, file_metadata(run) | dict(more or {}))


def staged_bytes(table: pa.Table, run: RunFacts, more: Mapping[str, str]) -> bytes:
    """The same for a file that is read once and then deleted: in half of the CPU time."""
    schema = table.schema.with_metadata(file_metadata(run) | dict(more))
    encodings = _encodings(schema)
    repeating = set(encodings.get("use_dictionary", _all_leaves(schema))) - _different(schema)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.cast(schema),
        sink,
        compression="lz4",
        write_page_checksum=True,
        version="2.6",
        use_dictionary=sorted(repeating),
        column_encoding=encodings.get("column_encoding"),
    )
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _all_leaves(schema: pa.Schema) -> list[str]:
    return [path for field in schema for path in _leaves(field)]


def _different(schema: pa.Schema) -> set[str]:
    """Columns whose values hardly repeat, so that a dictionary of them is work for nothing."""
    numbers = {field.name for field in schema if pa.types.is_floating(field.type)}
    return numbers | _KEYS | {path for path in _all_leaves(schema) if path.endswith(".probability")}


def file_bytes(table: pa.Table, metadata: Mapping[str, str]) -> bytes:
    """The same for a table that is not of one run, with this metadata."""
    sink, schema = pa.BufferOutputStream(), table.schema.with_metadata(dict(metadata))
    with pq.ParquetWriter(
        sink, schema, compression="zstd", write_page_checksum=True, version="2.6", **_encodings(schema)
    ) as writer:
        for start in range(0, max(1, table.num_rows), _GROUP_ROWS):
            writer.write_table(table.slice(start, _GROUP_ROWS).combine_chunks(), row_group_size=_GROUP_ROWS)
    data: bytes = sink.getvalue().to_pybytes()
    return data


class _Encodings(TypedDict, total=False):
    use_dictionary: list[str]
    column_encoding: dict[str, str]


def _encodings(schema: pa.Schema) -> _Encodings:
    """How lists of numbers are written: nearly all of them differ, and the bytes of the same place are alike."""
    numbers = [f.name for f in schema if pa.types.is_list(f.type) and pa.types.is_floating(f.type.value_type)]
    if not numbers:
        return {}
    others = [path for field in schema if field.name not in numbers for path in _leaves(field)]
    return {
        "use_dictionary": others,
        "column_encoding": dict.fromkeys((f"{name}.list.element" for name in numbers), "BYTE_STREAM_SPLIT"),
    }


def _leaves(field: pa.Field, path: str = "") -> list[str]:
    """The names that Parquet gives to the columns of a field."""
    name = f"{path}{field.name}"
    if pa.types.is_struct(field.type):
        return [leaf for inner in field.type for leaf in _leaves(inner, f"{name}.")]
    if pa.types.is_list(field.type):
        return _leaves(field.type.value_field.with_name("element"), f"{name}.list.")
    return [name]


def from_bytes(data: bytes, schema: pa.Schema, run: RunFacts, path: str, output: str = "OUTPUT") -> pa.Table:
    """The table of a file that this run wrote; `path` and `output` are for the message.

    Raises DamageFound if the bytes are not such a file.
    """
    return _checked(read_columns(data, None, path, output), schema, run, path, output)


def from_table_file(data: bytes, table: str, run: RunFacts, path: str, output: str = "OUTPUT") -> pa.Table:
    """The same for a file of `table` (scores, features or rejects), whose schema is that of the run's version.

    For `features`, the descriptors are the ones that the file has.
    """
    found = read_columns(data, None, path, output)
    return _checked(found, file_schema(table, run.schema_version, found.column_names), run, path, output)


def _checked(table: pa.Table, schema: pa.Schema, run: RunFacts, path: str, output: str) -> pa.Table:
    if not table.schema.equals(schema) or not file_metadata(run).items() <= metadata_of(table).items():
        raise DamageFound(f"{path} is not a file of this run", repair_hint(output))
    return table


def metadata_of(table: pa.Table) -> dict[str, str]:
    """The key-value metadata of a file that was read."""
    return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}


def read_columns(data: bytes, columns: list[str] | None, path: str, output: str = "OUTPUT") -> pa.Table:
    """These columns (None: all) of a Parquet file, page checksums verified. Raises DamageFound, which names `path`."""
    try:
        return pq.read_table(pa.BufferReader(data), columns=columns, use_threads=False, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        raise DamageFound(f"{path} cannot be read as Parquet: {error}", repair_hint(output)) from error


def file_metadata(run: RunFacts) -> dict[str, str]:
    """The facts of a run that each of its files carries."""
    return {
        "run_id": run.run_id,
        "model_id": run.model_id,
        "fingerprint": run.fingerprint,
        "git_sha": run.git_sha,
        "config_sha256": run.config_sha256,
        "library_versions": json.dumps(run.versions, sort_keys=True),
        "output_schema_version": str(run.schema_version),
    }
