"""Catalog files: CSV, compressed or not, or Parquet with a column `uri` and optionally `track_id`; one or several."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from genre_batch.catalog.failure_streak import FailureStreak
from genre_batch.catalog.text_rows import TextRow, read_rows
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.storage.open_store import RequestPayer, absolute, check_uri, join, open_store
from genre_batch.storage.store import AccessDenied, NoConnection, NoCredentials, ObjectGone, ReadFailed, StorageError
from genre_batch.storage.uri import is_s3

_URI_HINT = "give s3://bucket/key, an absolute path, or a path relative to the file"


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One track as a catalog file names it; `uri` is absolute."""

    track_id: str
    uri: str


def is_catalog_file(source: str) -> bool:
    """Whether a source is a CSV or Parquet file rather than a prefix, judged by its name."""
    return source.lower().endswith((".csv", ".csv.gz", ".parquet"))


def catalog_rows(catalog_uri: str, request_payer: RequestPayer | None = None) -> Iterator[CatalogRow]:
    """The rows of a catalog file, or of several, streamed. If a file gives no `track_id`, it is the URI.

    catalog_uri: a `*` in the name matches any characters; the files are read in alphabetical order.
    request_payer: see `open_store`. Raises UsageError for a row without a usable URI or if no file has such a name,
    and what `read_rows` raises.
    """
    for file_uri in _files(catalog_uri, request_payer):
        for row in read_rows(file_uri, ["uri"], ["track_id"], request_payer=request_payer):
            uri = resolved(row, "uri", file_uri)
            yield CatalogRow(row.cells.get("track_id") or uri, uri)


def _files(catalog_uri: str, request_payer: RequestPayer | None) -> list[str]:
    folder, _, pattern = catalog_uri.rpartition("/")
    if "*" not in pattern:
        return [catalog_uri]
    name = re.compile("[^/]*".join(map(re.escape, pattern.split("*"))))
    stored = open_store(catalog_uri, request_payer).list(folder + "/")
    found = [each.uri for each in stored if name.fullmatch(each.uri.removeprefix(folder + "/"))]
    if not found:
        raise UsageError(f"no catalog file has a name like {catalog_uri!r}.", "check the folder and the pattern")
    return found


def resolved(row: TextRow, column: str, catalog_uri: str) -> str:
    """The URI in a row as an absolute URI; a relative one is resolved against the folder of the catalog file.

    Raises UsageError if it is empty or its scheme is not supported.
    """
    text = row.cells[column]
    try:
        check_uri(text)
    except UsageError as error:
        raise UsageError(f"{catalog_uri!r}, {row.place}: no usable URI: {error}", _URI_HINT) from error
    if is_s3(text) or text.startswith(("/", "file:///", "file://localhost/")):
        return absolute(text)
    return join(catalog_uri.rpartition("/")[0] + "/", text)


_THREADS = 32
_AHEAD = 4 * _THREADS
_FEW_ROWS = 100_000
"""This process looks up some hundred objects a second; for fewer rows it would not pay to start Ray."""

HeadResult = tuple[Track, StorageError | None]
"""A track as storage has it, and what went wrong."""
LookUp = Callable[[Iterator[CatalogRow]], Iterator[HeadResult]]
"""Looks up the objects of rows, and returns them in the same order. Returns errors, and raises none of the store."""


def tracks_of(
    rows: Iterable[CatalogRow],
    max_denied_in_a_row: int | None = None,
    request_payer: RequestPayer | None = None,
    look_up_many: LookUp | None = None,
    few_rows: int = _FEW_ROWS,
) -> Iterator[Track]:
    """The tracks that the rows name, in the same order, looked up with up to 128 requests ahead.

    An object that is gone, denied or unreadable gets etag "" and size -1. Raises NoCredentials, NoConnection, and
    UserError after `max_denied_in_a_row` consecutive objects were denied or unreadable (None: never).
    request_payer: see `open_store`. look_up_many: looks up the objects instead if there are more than `few_rows`.
    """
    remaining, failures = iter(rows), FailureStreak(max_denied_in_a_row)
    look_up_rows: LookUp = partial(_look_up_here, request_payer=request_payer)
    if look_up_many is not None:
        first = list(islice(remaining, few_rows + 1))
        remaining = chain(first, remaining)
        look_up_rows = look_up_many if len(first) > few_rows else look_up_rows
    for track, error in look_up_rows(remaining):
        if isinstance(error, NoCredentials | NoConnection):
            raise error
        failures.note(track.uri, error)
        yield track


def _look_up_here(rows: Iterator[CatalogRow], request_payer: RequestPayer | None) -> Iterator[HeadResult]:
    pending: deque[Future[HeadResult]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="head")
    try:
        pending.extend(pool.submit(look_up, row, request_payer) for row in islice(rows, _AHEAD))
        while pending:
            yield pending.popleft().result()
            pending.extend(pool.submit(look_up, row, request_payer) for row in islice(rows, 1))
    finally:
        pool.shutdown(cancel_futures=True)


def look_up(row: CatalogRow, request_payer: RequestPayer | None) -> HeadResult:
    """The object of a row as it is now. An object that is gone is a fact, and no error. request_payer: `open_store`."""
    try:
        stored = open_store(row.uri, request_payer).head(row.uri)
        return Track(row.track_id, row.uri, stored.etag, stored.size_bytes, stored.modified_at), None
    except (ObjectGone, AccessDenied, ReadFailed) as error:
        return Track(row.track_id, row.uri, "", -1), None if isinstance(error, ObjectGone) else error
