"""Catalog files: CSV or Parquet with the column `uri` and perhaps `track_id`."""

from collections.abc import Iterator
from dataclasses import dataclass

from genre_batch.catalog.text_rows import TextRow, read_rows
from genre_batch.errors import UsageError
from genre_batch.storage.open_store import absolute, check_uri, join
from genre_batch.storage.uri import is_s3

_URI_HINT = "give s3://bucket/key, an absolute path, or a path relative to the file"


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One track as a catalog file names it; `uri` is absolute."""

    track_id: str
    uri: str


def is_catalog_file(source: str) -> bool:
    """Whether a source is a CSV or Parquet file rather than a prefix; its name decides."""
    return source.lower().endswith((".csv", ".parquet"))


def catalog_rows(catalog_uri: str) -> Iterator[CatalogRow]:
    """The rows of a catalog file, streamed; `track_id` is the URI where the file gives none.

    Raises UsageError for a row without a URI that can be opened, and what `read_rows` raises.
    """
    for row in read_rows(catalog_uri, ["uri"], ["track_id"]):
        uri = resolved(row, "uri", catalog_uri)
        yield CatalogRow(row.cells.get("track_id") or uri, uri)


def resolved(row: TextRow, column: str, catalog_uri: str) -> str:
    """The URI in a row, made absolute: a relative one counts from the folder of the catalog file.

    Raises UsageError where it is empty or of a scheme that cannot be opened.
    """
    text = row.cells[column]
    try:
        check_uri(text)
    except UsageError as error:
        raise UsageError(f"{catalog_uri!r}, {row.place}: no usable URI: {error}", _URI_HINT) from error
    if is_s3(text) or text.startswith(("/", "file:///", "file://localhost/")):
        return absolute(text)
    return join(catalog_uri.rpartition("/")[0] + "/", text)
