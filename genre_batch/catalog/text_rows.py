"""CSV and Parquet files as rows of text, streamed from any store."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genre_batch.errors import UsageError
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.open_store import open_store

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_READ_BYTES = 8 << 20
_BATCH_ROWS = 4096
_PLAIN = "write it with plain types: string"


@dataclass(frozen=True, slots=True)
class TextRow:
    """The cells of one row by column; `place` is where it stands, for messages, e.g. "line 7"."""

    place: str
    cells: dict[str, str]


def read_rows(uri: str, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[TextRow]:
    """The rows of a CSV (`.csv`) or Parquet file, with the columns asked for; what is missing or null is "".

    Raises UsageError where a `required` column is missing, one asked for is there twice, or the file cannot be
    understood, and what the store raises.
    """
    read = _csv_rows if uri.lower().endswith(".csv") else _parquet_rows
    return read(uri, required, (*required, *optional))


def _csv_rows(uri: str, required: Sequence[str], columns: Sequence[str]) -> Iterator[TextRow]:
    with io.BufferedReader(ObjectFile(open_store(uri), uri), _READ_BYTES) as file:
        # by lines, for a TextIOWrapper would pass the buffer by and make a request for each 8 KiB;
        # utf-8-sig, for spreadsheets put a byte order mark before the name of the first column
        reader = csv.reader(codecs.iterdecode(file, "utf-8-sig"), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check(uri, required, columns, header)
            where = {name: header.index(name) for name in columns if name in header}
            for fields in filter(None, reader):
                cells = {name: fields[at] if at < len(fields) else "" for name, at in where.items()}
                yield TextRow(f"line {reader.line_num}", cells)
        except UnicodeDecodeError as error:
            raise UsageError(f"{uri!r} is not a CSV file in UTF-8.", "save it as UTF-8") from error
        except csv.Error as error:
            raise UsageError(f"{uri!r} is not a CSV file: {error}.", "check its quotes and commas") from error


def _parquet_rows(uri: str, required: Sequence[str], columns: Sequence[str]) -> Iterator[TextRow]:
    import pyarrow as pa

    number = 0
    try:
        file = _opened(uri)
        _refuse_extensions(uri, list(file.schema_arrow))
        _check(uri, required, columns, file.schema_arrow.names)
        names = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
            texts = [batch.column(name).cast(pa.string()).to_pylist() for name in names]
            for values in zip(*texts, strict=True):
                number += 1
                cells = {name: value or "" for name, value in zip(names, values, strict=True)}
                yield TextRow(f"row {number}", cells)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Arrow says OSError of damaged pages; what a store raises is none
        raise UsageError(f"{uri!r} is not a Parquet file that can be read.", "write it again") from error


def _opened(uri: str) -> "pq.ParquetFile":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(pa.PythonFile(ObjectFile(open_store(uri), uri), mode="r"))
    except pa.ArrowException:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # where pandas is loaded, its extension types are made here of what the file says, whatever that is
        raise UsageError(f"{uri!r} has a column of a broken extension type.", _PLAIN) from error


def _check(uri: str, required: Sequence[str], columns: Sequence[str], names: Sequence[str]) -> None:
    for column in columns:
        if names.count(column) > 1:
            raise UsageError(f"{uri!r} has more than one column `{column}`.", "leave one of them")
    for column in required:
        if column not in names:
            found = ", ".join(map(repr, names[:20])) or "none"
            raise UsageError(f"{uri!r} has no column `{column}`.", f"its columns are: {found}")


def _refuse_extensions(uri: str, fields: "list[pa.Field]") -> None:
    """Types that a file brings along can run code when they are loaded; a catalog needs none."""
    import pyarrow as pa

    for field in fields:
        if isinstance(field.type, pa.BaseExtensionType) or b"ARROW:extension:name" in (field.metadata or {}):
            raise UsageError(f"{uri!r} has a column of an extension type, {field.name!r}.", _PLAIN)
        _refuse_extensions(uri, [field.type.field(number) for number in range(field.type.num_fields)])
