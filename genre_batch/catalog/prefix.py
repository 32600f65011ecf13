"""All objects below a prefix as sorted runs of tracks: on S3 listed in ranges at the same time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event

from genre_batch.catalog.key_ranges import KeyRange, list_range, split
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.errors import UserError
from genre_batch.storage.store import Store, StoredObject
from genre_batch.storage.uri import is_s3

OnProgress = Callable[[int, int], None]

_SMALL = 10_000
_THREADS = 16
_REPORT_EVERY_S = 0.5
_REPORT_EVERY_TRACKS = 1000


def add_prefix(runs: TrackRuns, store: Store, prefix: str, on_progress: OnProgress) -> None:
    """Add the tracks below the folder `prefix` to `runs`. Raises what `Store.list` raises.

    A prefix with up to 10,000 objects is listed in one go: looking for ranges would take more requests than that.
    """
    objects = store.list(prefix)
    if is_s3(prefix):
        first = list(islice(objects, _SMALL + 1))
        if len(first) > _SMALL:
            _add_ranges(runs, store, split(store, prefix), on_progress)
            return
        objects = iter(first)
    runs.add_sorted(reported(_tracks(objects), on_progress))


def reported(tracks: Iterable[Track], on_progress: OnProgress) -> Iterator[Track]:
    """The same tracks; tells how many tracks and bytes there were so far, each 1000 tracks and at the end."""
    count = size_bytes = 0
    for count, track in enumerate(tracks, 1):
        size_bytes += max(0, track.size_bytes)
        yield track
        if count % _REPORT_EVERY_TRACKS == 0:
            on_progress(count, size_bytes)
    on_progress(count, size_bytes)


class _Share:
    """What one thread has listed so far; only that thread writes."""

    def __init__(self) -> None:
        self.tracks = 0
        self.size_bytes = 0

    def counted(self, tracks: Iterable[Track], stop: Event) -> Iterator[Track]:
        for track in tracks:
            if stop.is_set():
                return
            self.tracks += 1
            self.size_bytes += track.size_bytes
            yield track


def _add_ranges(runs: TrackRuns, store: Store, ranges: list[KeyRange], on_progress: OnProgress) -> None:
    """One run for each range. The first error stops all of them."""
    shares = [_Share() for _ in ranges]
    stop = Event()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="list")
    try:
        pending = {
            pool.submit(runs.add_sorted, share.counted(_tracks(list_range(store, keys)), stop))
            for share, keys in zip(shares, ranges, strict=True)
        }
        while pending:
            done, pending = wait(pending, _REPORT_EVERY_S, FIRST_EXCEPTION)
            on_progress(sum(share.tracks for share in shares), sum(share.size_bytes for share in shares))
            for future in done:
                future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _tracks(objects: Iterable[StoredObject]) -> Iterator[Track]:
    """All objects but the empty ones that some tools make to show a folder."""
    last = ""
    for stored in objects:
        if stored.uri <= last:
            raise UserError(
                f"The server does not list keys in order: {stored.uri!r} came after {last!r}.",
                "give a CSV or Parquet file with the column `uri` instead of a prefix",
            )
        last = stored.uri
        if not (stored.size_bytes == 0 and stored.uri.endswith("/")):
            yield Track(stored.uri, stored.uri, stored.etag, stored.size_bytes)
