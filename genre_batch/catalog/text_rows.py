"""CSV and Parquet files as rows of text, streamed from any store."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from genre_batch.errors import UsageError
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.open_store import RequestPayer, open_store

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_READ_BYTES = 8 << 20
_BATCH_ROWS = 4096
_PLAIN = "write it with plain types, such as string"


@dataclass(frozen=True, slots=True)
class TextRow:
    """The cells of one row by column; `place` is its position for messages, e.g. "line 7"."""

    place: str
    cells: dict[str, str]


def read_rows(
    uri: str, required: Sequence[str], optional: Sequence[str] = (), *, request_payer: RequestPayer | None = None
) -> Iterator[TextRow]:
    """The rows of a CSV or Parquet file with the given columns; missing and null cells are "".

    A name that ends in `.csv`, or in `.csv.gz` for a compressed one, means a CSV file. Raises UsageError if a
    `required` column is missing, a given one occurs twice, or the file cannot be parsed, and what the store raises.
    request_payer: see `open_store`.
    """
    read = _csv_rows if uri.lower().endswith((".csv", ".csv.gz")) else _parquet_rows
    return read(ObjectFile(open_store(uri, request_payer), uri), uri, required, (*required, *optional))


def _csv_rows(stored: ObjectFile, uri: str, required: Sequence[str], columns: Sequence[str]) -> Iterator[TextRow]:
    with io.BufferedReader(stored, _READ_BYTES) as raw, _unpacked(raw, uri) as file:
        # line by line, because a TextIOWrapper would bypass the buffer and make a request for every 8 KiB;
        # utf-8-sig, because spreadsheets put a byte order mark before the name of the first column
        reader = csv.reader(codecs.iterdecode(file, "utf-8-sig"), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_columns(uri, required, columns, header)
            where = {name: header.index(name) for name in columns if name in header}
            for fields in filter(None, reader):
                cells = {name: fields[at] if at < len(fields) else "" for name, at in where.items()}
                yield TextRow(f"line {reader.line_num}", cells)
        except UnicodeDecodeError as error:
            raise UsageError(f"{uri!r} is not a CSV file in UTF-8.", "save it as UTF-8") from error
        except csv.Error as error:
            raise UsageError(f"{uri!r} is not a CSV file: {error}.", "check its quotes and commas") from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UsageError(f"{uri!r} is not a whole gzip file: {error}.", "compress it again") from error


def _unpacked(raw: "io.BufferedReader[ObjectFile]", uri: str) -> IO[bytes]:
    """The bytes of a CSV file, decompressed on the way if it is compressed: memory does not grow with its size."""
    return io.BufferedReader(gzip.GzipFile(fileobj=raw), _READ_BYTES) if uri.lower().endswith(".gz") else raw


def _parquet_rows(stored: ObjectFile, uri: str, required: Sequence[str], columns: Sequence[str]) -> Iterator[TextRow]:
    import pyarrow as pa

    number = 0
    try:
        file = open_parquet(stored, uri)
        _check_columns(uri, required, columns, file.schema_arrow.names)
        names = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
            texts = [batch.column(name).cast(pa.string()).to_pylist() for name in names]
            for values in zip(*texts, strict=True):
                number += 1
                cells = {name: value or "" for name, value in zip(names, values, strict=True)}
                yield TextRow(f"row {number}", cells)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Arrow raises OSError for damaged pages; errors of a store are not OSErrors
        raise UsageError(f"{uri!r} is not a Parquet file that can be read.", "write it again") from error


def open_parquet(stored: ObjectFile, uri: str) -> "pq.ParquetFile":
    """A Parquet file without extension types. Raises UsageError if it has one, pa.ArrowException if it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.PythonFile(stored, mode="r"))
        schema = list(file.schema_arrow)
    except pa.ArrowException:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # if pandas is loaded, its extension types are built here from whatever the file says
        raise UsageError(f"{uri!r} has a column of a broken extension type.", _PLAIN) from error
    refuse_extensions(uri, schema)
    return file


def _check_columns(uri: str, required: Sequence[str], columns: Sequence[str], names: Sequence[str]) -> None:
    for column in columns:
        if names.count(column) > 1:
            raise UsageError(f"{uri!r} has more than one column `{column}`.", "keep one of them")
    for column in required:
        if column not in names:
            found = ", ".join(map(repr, names[:20])) or "none"
            raise UsageError(f"{uri!r} has no column `{column}`.", f"its columns are: {found}")


def refuse_extensions(uri: str, fields: "list[pa.Field]") -> None:
    """Raise UsageError if a field has an extension type: it can run code when it is loaded, and catalogs need none."""
    import pyarrow as pa

    for field in fields:
        if isinstance(field.type, pa.BaseExtensionType) or b"ARROW:extension:name" in (field.metadata or {}):
            raise UsageError(f"{uri!r} has a column of an extension type, {field.name!r}.", _PLAIN)
        refuse_extensions(uri, [field.type.field(number) for number in range(field.type.num_fields)])
