"""How each SQL engine declares the files of a table, and how it spells names, text and types."""

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from genre_batch.sink.layout import at
from genre_batch.storage.uri import is_s3, local_path

EngineName = Literal["duckdb", "spark", "athena", "trino"]
_SHARD_FILE = f"*Z-??????-{'[0-9]' * 8}.parquet"
_STEP_FILE = f"*-????????-{'[0-9]' * 5}.parquet"


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table of an output: `name` is scores, rejects or serving.

    models: those that have answers, at least one. first_dt: the first date partition of any of them. is_empty: whether
    the table has no file yet.
    """

    output: str
    name: str
    columns: pa.Schema
    models: Sequence[str]
    first_dt: str
    is_empty: bool

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partition columns, from the outermost."""
        return ("dt",) if self.name == "serving" else ("model", "dt")

    @property
    def folder(self) -> str:
        """The URI of the table's folder, or its path on this machine."""
        folder = at(self.output, self.name)
        return folder if is_s3(folder) else local_path(folder)


@dataclass(frozen=True, slots=True)
class SqlEngine:
    """One engine. declare: the statements that make the relation `name` from the files of a table.

    only_s3: whether it reads no local files. finds_new_files: whether the statements hold for any later run too, as
    long as it is of a model that there was when they were printed.
    """

    declare: Callable[[str, TableFiles], list[str]]
    only_s3: bool = False
    finds_new_files: bool = False


def _duckdb(name: str, table: TableFiles) -> list[str]:
    partitions = table.partitions
    if table.is_empty:  # DuckDB refuses a pattern without files
        nulls = [f"CAST(NULL AS {_type(_DUCKDB, field.type)}) AS {field.name}" for field in table.columns]
        nulls += [f"CAST(NULL AS VARCHAR) AS {key}" for key in partitions]
        return [f"CREATE OR REPLACE VIEW {name} AS\nSELECT {', '.join(nulls)}\nWHERE false"]
    names = _STEP_FILE if table.name == "serving" else _SHARD_FILE
    pattern = "/".join([glob.escape(table.folder), *(f"{key}=*" for key in partitions), names])
    types = ", ".join(f"'{key}': VARCHAR" for key in partitions)
    options = f"hive_partitioning = true, hive_types = {{{types}}}, union_by_name = true"
    return [f"CREATE OR REPLACE VIEW {name} AS\nSELECT * FROM read_parquet(\n  {_text(pattern)},\n  {options})"]


def _spark(name: str, table: TableFiles) -> list[str]:
    folder = "s3a" + table.folder.removeprefix("s3") if is_s3(table.folder) else table.folder
    columns, keys = _columns(_SPARK, table.columns), ",\n  ".join(f"{key} STRING" for key in table.partitions)
    location = folder.replace("\\", "\\\\").replace("'", "\\'")
    create = (
        f"CREATE TABLE IF NOT EXISTS {name} (\n  {columns},\n  {keys}\n)\nUSING parquet\n"
        f"PARTITIONED BY ({', '.join(table.partitions)})\nLOCATION '{location}'"
    )
    return [create] if table.is_empty else [create, f"MSCK REPAIR TABLE {name}"]


def _athena(name: str, table: TableFiles) -> list[str]:
    folder, keys = table.folder, ", ".join(f"{key} string" for key in table.partitions)
    of_models = {"projection.model.type": "enum", "projection.model.values": ",".join(table.models)}
    properties = {
        "projection.enabled": "true",
        **(of_models if "model" in table.partitions else {}),
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": f"{table.first_dt},NOW",
        "storage.location.template": "/".join([folder, *(f"{key}=${{{key}}}" for key in table.partitions)]),
    }
    listed = ",\n  ".join(f"{_text(key)} = {_text(value)}" for key, value in properties.items())
    create = (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {name} (\n  {_columns(_ATHENA, table.columns)}\n)\n"
        f"PARTITIONED BY ({keys})\nSTORED AS PARQUET\nLOCATION {_text(folder + '/')}\n"
        f"TBLPROPERTIES (\n  {listed}\n)"
    )
    return [create]


def _trino(name: str, table: TableFiles) -> list[str]:
    *catalog, schema, short = ["default", *name.split(".")][-3:]
    procedure = ".".join([*(part for part in catalog if part != "default"), "system", "sync_partition_metadata"])
    columns, keys = _columns(_TRINO, table.columns), ",\n  ".join(f"{key} varchar" for key in table.partitions)
    create = (
        f"CREATE TABLE IF NOT EXISTS {name} (\n  {columns},\n  {keys}\n)\n"
        f"WITH (external_location = {_text(table.folder + '/')}, format = 'PARQUET', "
        f"partitioned_by = ARRAY[{', '.join(map(_text, table.partitions))}])"
    )
    return [create] if table.is_empty else [create, f"CALL {procedure}({_text(schema)}, {_text(short)}, 'FULL')"]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class _Types:
    """The names of types. list and row: how a list of something and a struct of fields are written."""

    plain: dict[pa.DataType, str]
    list: str
    row: str
    field: str


_TIME = pa.timestamp("us", tz="UTC")
_ORDER = (pa.string(), pa.int64(), pa.int32(), pa.int16(), pa.float64(), pa.float32(), pa.bool_(), _TIME)


def _named(names: str) -> dict[pa.DataType, str]:
    return dict(zip(_ORDER, names.split(), strict=True))


_HIVE = _named("string bigint int smallint double float boolean timestamp")
_ATHENA = _Types(_HIVE, "array<{}>", "struct<{}>", "{}:{}")
_SPARK = _Types({kind: name.upper() for kind, name in _HIVE.items()}, "ARRAY<{}>", "STRUCT<{}>", "{}: {}")
_TRINO = _Types(
    _named("varchar bigint integer smallint double real boolean timestamp(3)"), "array({})", "row({})", "{} {}"
)
_DUCKDB = _Types(
    _named("VARCHAR BIGINT INTEGER SMALLINT DOUBLE FLOAT BOOLEAN TIMESTAMPTZ"), "{}[]", "STRUCT({})", "{} {}"
)


def _type(types: _Types, kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return types.list.format(_type(types, kind.value_type))
    if pa.types.is_struct(kind):
        fields = [types.field.format(field.name, _type(types, field.type)) for field in kind]
        return types.row.format(", ".join(fields))
    return types.plain[kind]


def _columns(types: _Types, schema: pa.Schema) -> str:
    return ",\n  ".join(f"{field.name} {_type(types, field.type)}" for field in schema)


ENGINES: Final[dict[EngineName, SqlEngine]] = {
    "duckdb": SqlEngine(_duckdb),
    "spark": SqlEngine(_spark),
    "athena": SqlEngine(_athena, only_s3=True, finds_new_files=True),
    "trino": SqlEngine(_trino, only_s3=True),
}
