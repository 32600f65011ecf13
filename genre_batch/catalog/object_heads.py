"""The etags and sizes of objects that a catalog file names, asked for in parallel."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from genre_batch.catalog.catalog_file import CatalogRow
from genre_batch.catalog.track import Track
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import AccessDenied, NoCredentials, ObjectGone

_THREADS = 32
_AHEAD = 4 * _THREADS


def tracks_of(rows: Iterable[CatalogRow]) -> Iterator[Track]:
    """The tracks that rows name, in the same order, with up to 128 requests ahead.

    An object that is gone or denied gets etag "" and size -1. Raises NoCredentials and ReadFailed.
    """
    upcoming = iter(rows)
    asked: deque[Future[Track]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="head")
    try:
        asked.extend(pool.submit(_head, row) for row in islice(upcoming, _AHEAD))
        while asked:
            yield asked.popleft().result()
            asked.extend(pool.submit(_head, row) for row in islice(upcoming, 1))
    finally:
        pool.shutdown(cancel_futures=True)


def _head(row: CatalogRow) -> Track:
    try:
        stored = open_store(row.uri).head(row.uri)
    except NoCredentials:
        raise
    except (ObjectGone, AccessDenied):
        return Track(row.track_id, row.uri, "", -1)
    return Track(row.track_id, row.uri, stored.etag, stored.size_bytes)
