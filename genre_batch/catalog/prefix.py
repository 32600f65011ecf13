"""All objects below a prefix as sorted runs of tracks: on S3 listed in ranges at the same time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import chain
from operator import lt
from threading import Event

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.key_ranges import KeyRange, list_range, split
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.catalog.track_table import SCHEMA
from genre_batch.errors import UserError
from genre_batch.storage.store import ObjectPage, Store
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
    pages = store.pages(prefix)
    first: list[ObjectPage] = []
    if is_s3(prefix):
        for page in pages:
            first.append(page)
            if sum(len(page.uris) for page in first) > _SMALL:
                _add_ranges(runs, store, split(store, prefix), on_progress)
                return
    share = _Share(on_progress)
    runs.add_batches(share.counted(_tracks(chain(first, pages))))


def reported(tracks: Iterable[Track], on_progress: OnProgress) -> Iterator[Track]:
    """The same tracks; tells how many tracks and bytes there were so far, each 1000 tracks and at the end."""
    count = size_bytes = 0
    for count, track in enumerate(tracks, 1):
        size_bytes += max(0, track.size_bytes)
        yield track
        if count % _REPORT_EVERY_TRACKS == 0:
            on_progress(count, size_bytes)
    on_progress(count, size_bytes)


def say_nothing(tracks: int, size_bytes: int) -> None:
    """For an `on_progress` that nobody listens to."""


class _Share:
    """What one thread has listed so far; only that thread writes."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.tracks = 0
        self.size_bytes = 0
        self._on_progress = on_progress

    def counted(self, batches: Iterable[pa.RecordBatch], stop: Event | None = None) -> Iterator[pa.RecordBatch]:
        """The same batches, until `stop` is set."""
        for batch in batches:
            if stop is not None and stop.is_set():
                return
            self.tracks += batch.num_rows
            self.size_bytes += pc.sum(pc.max_element_wise(batch["size_bytes"], 0)).as_py() or 0
            yield batch
            self._on_progress(self.tracks, self.size_bytes)


def _add_ranges(runs: TrackRuns, store: Store, ranges: list[KeyRange], on_progress: OnProgress) -> None:
    """One run for each range. The first error stops all of them."""
    shares = [_Share(say_nothing) for _ in ranges]
    stop = Event()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="list")
    try:
        pending = {
            pool.submit(runs.add_batches, share.counted(_tracks(list_range(store, keys)), stop))
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


def _tracks(pages: Iterable[ObjectPage]) -> Iterator[pa.RecordBatch]:
    """All objects but the empty ones that some tools make to show a folder."""
    last = ""
    for page in pages:
        _check_order(last, page.uris)
        if page.uris:
            last = page.uris[-1]
            yield _without_markers(page)


def _check_order(last: str, uris: list[str]) -> None:
    if all(map(lt, chain([last], uris), uris)):
        return
    before, after = next((one, other) for one, other in zip(chain([last], uris), uris, strict=False) if one >= other)
    raise UserError(
        f"The server does not list keys in order: {after!r} came after {before!r}.",
        "give a CSV or Parquet file with the column `uri` instead of a prefix",
    )


def _without_markers(page: ObjectPage) -> pa.RecordBatch:
    uris = pa.array(page.uris, pa.string())
    columns = [uris, uris, pa.array(page.etags, pa.string()), pa.array(page.sizes_bytes, pa.int64())]
    batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    if 0 not in page.sizes_bytes:
        return batch
    facts = zip(page.uris, page.sizes_bytes, strict=True)
    return batch.filter(pa.array([size_bytes > 0 or not uri.endswith("/") for uri, size_bytes in facts]))
