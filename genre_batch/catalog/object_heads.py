"""The etags and sizes of objects that a catalog file names, asked for in parallel."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from genre_batch.catalog.catalog_file import CatalogRow
from genre_batch.catalog.in_a_row import FailuresInARow
from genre_batch.catalog.track import Track
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import AccessDenied, NoConnection, NoCredentials, ObjectGone, ReadFailed, StorageError

_THREADS = 32
_AHEAD = 4 * _THREADS

_Asked = tuple[Track, StorageError | None]


def tracks_of(rows: Iterable[CatalogRow], max_denied_in_a_row: int | None = None) -> Iterator[Track]:
    """The tracks that rows name, in the same order, with up to 128 requests ahead.

    An object that is gone, denied or cannot be read gets etag "" and size -1. Raises NoCredentials, NoConnection, and
    UserError once so many were denied, or could not be read, one after the other; None for never.
    """
    upcoming, failures = iter(rows), FailuresInARow(max_denied_in_a_row)
    asked: deque[Future[_Asked]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="head")
    try:
        asked.extend(pool.submit(_head, row) for row in islice(upcoming, _AHEAD))
        while asked:
            track, error = asked.popleft().result()
            failures.note(track.uri, error)
            yield track
            asked.extend(pool.submit(_head, row) for row in islice(upcoming, 1))
    finally:
        pool.shutdown(cancel_futures=True)


def _head(row: CatalogRow) -> _Asked:
    try:
        stored = open_store(row.uri).head(row.uri)
        return Track(row.track_id, row.uri, stored.etag, stored.size_bytes), None
    except (NoCredentials, NoConnection):
        raise
    except (ObjectGone, AccessDenied, ReadFailed) as error:
        return Track(row.track_id, row.uri, "", -1), None if isinstance(error, ObjectGone) else error
