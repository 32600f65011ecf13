"""Listing a prefix: a large one is cut into ranges of keys that are listed concurrently."""

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import lt
from pathlib import Path
from threading import Event

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.lister_processes import AT_ONCE, ListerEnded, ListerProcess, RangeJob, RangeReply
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import listed_rows, times_of
from genre_batch.errors import UserError
from genre_batch.notices import say
from genre_batch.storage.store import ObjectPage, Store
from genre_batch.storage.uri import is_s3

_WANTED = 32
_LARGEST = 128
_LEVELS = 3
_SCANNED = 5_000
_LAST = "\U0010ffff" * 2


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The objects below `prefix` whose URI is greater than `after` and at most `until`."""

    prefix: str
    after: str
    until: str


def split(store: Store, prefix: str, threads: int = 16) -> list[KeyRange]:
    """Ranges in ascending order that together cover the folder `prefix`.

    They are cut at sub-folders, up to three levels deep, until there are a few dozen. If sub-folders cannot be found
    with a few requests each, there are fewer ranges; no object is ever outside of them.
    """
    cuts = _folders(store, prefix, threads)
    if len(cuts) > _LARGEST:
        cuts = [cuts[len(cuts) * number // _LARGEST] for number in range(_LARGEST)]
    return [KeyRange(prefix, after, until) for after, until in pairwise(["", *cuts, _LAST])]


def list_range(store: Store, keys: KeyRange) -> Iterator[ObjectPage]:
    """The objects of a range, sorted by URI, streamed in pages. Raises what `Store.pages` raises."""
    for page in store.pages(keys.prefix, after=keys.after):
        if page.uris and page.uris[-1] > keys.until:
            stop = bisect_right(page.uris, keys.until)
            yield ObjectPage(page.uris[:stop], page.etags[:stop], page.sizes_bytes[:stop], page.modified[:stop])
            return
        yield page


def _folders(store: Store, prefix: str, threads: int) -> list[str]:
    """The sub-folders of all levels down to the first one with enough of them, sorted."""
    found: list[str] = []
    level = [prefix]
    with ThreadPoolExecutor(threads, thread_name_prefix="discover") as pool:
        for _ in range(_LEVELS):
            below = pool.map(lambda folder: store.folders(folder, scan=_SCANNED), level)
            # some servers fail if the key that a listing starts after contains control characters
            level = [folder for folders in below for folder in folders if folder.isprintable()]
            found += level
            if not level or len(found) >= _WANTED:
                break
    return sorted(found)


OnProgress = Callable[[int, int], None]

_SMALL = 10_000
_THREADS = 16
_PROCESSES = 4
_MANY = 200_000
"""A shorter listing ends before processes have started."""
_REPORT_EVERY_S = 0.5
_REPORT_EVERY_TRACKS = 1000


def add_prefix(
    runs: TrackRuns,
    store: Store,
    prefix: str,
    on_progress: OnProgress,
    make_process: Callable[[], ListerProcess] | None = None,
) -> None:
    """Add the tracks below the folder `prefix` to `runs`. Raises what `Store.list` raises.

    A prefix of up to 10,000 objects is listed sequentially, since finding ranges would take more requests than that.
    make_process: starts processes that list as `store` does, for a prefix with many objects.
    """
    pages = store.pages(prefix)
    first: list[ObjectPage] = []
    if is_s3(prefix):
        for page in pages:
            first.append(page)
            if sum(len(page.uris) for page in first) > _SMALL:
                _Ranges(runs, store, split(store, prefix), make_process).add(on_progress)
                return
    count = ListingCount(on_progress)
    runs.add_batches(count.counted(track_batches(chain(first, pages))))


def reported(tracks: Iterable[Track], on_progress: OnProgress) -> Iterator[Track]:
    """The same tracks. Reports the number of tracks and bytes so far every 1,000 tracks and at the end."""
    count = size_bytes = 0
    for count, track in enumerate(tracks, 1):
        size_bytes += max(0, track.size_bytes)
        yield track
        if count % _REPORT_EVERY_TRACKS == 0:
            on_progress(count, size_bytes)
    on_progress(count, size_bytes)


def ignore_progress(tracks: int, size_bytes: int) -> None:
    """An `on_progress` that does nothing."""


class ListingCount:
    """The number of tracks and bytes that one thread has listed so far; only that thread updates it."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.tracks = 0
        self.size_bytes = 0
        self._on_progress = on_progress

    def counted(self, batches: Iterable[pa.RecordBatch], stop: Event | None = None) -> Iterator[pa.RecordBatch]:
        """The same batches, counted, until `stop` is set."""
        for batch in batches:
            if stop is not None and stop.is_set():
                return
            self.tracks += batch.num_rows
            self.size_bytes += pc.sum(pc.max_element_wise(batch["size_bytes"], 0)).as_py() or 0
            yield batch
            self._on_progress(self.tracks, self.size_bytes)


class _Ranges:
    """Ranges that are listed at the same time: by threads, and once there are many tracks, by processes."""

    def __init__(
        self, runs: TrackRuns, store: Store, ranges: list[KeyRange], make_process: Callable[[], ListerProcess] | None
    ) -> None:
        self._runs, self._store, self._make_process = runs, store, make_process
        paths = [str(runs.new_path()) for _ in ranges]
        self._left = deque(
            RangeJob(number=n, prefix=keys.prefix, after=keys.after, until=keys.until, path=paths[n])
            for n, keys in enumerate(ranges)
        )
        self._counts = [ListingCount(ignore_progress) for _ in ranges]
        self._paths = paths
        self._listed: set[int] = set()
        self._stop, self._handed_over = Event(), Event()

    def add(self, on_progress: OnProgress) -> None:
        """Add one run per range. The first error stops all of them."""
        processes: list[ListerProcess] = []
        pool = ThreadPoolExecutor(_THREADS + _PROCESSES, thread_name_prefix="list")
        try:
            pending = {pool.submit(self._list_here, self._handed_over) for _ in range(_THREADS)}
            while pending:
                done, pending = wait(pending, _REPORT_EVERY_S, FIRST_EXCEPTION)
                tracks = sum(count.tracks for count in self._counts)
                on_progress(tracks, sum(count.size_bytes for count in self._counts))
                cores = len(os.sched_getaffinity(0))
                if self._make_process and tracks >= _MANY and len(self._left) > cores > 1:
                    processes = self._start(min(cores, _PROCESSES))
                    pending |= {pool.submit(self._list_there, each) for each in processes}
                for future in done:
                    future.result()
            if len(self._listed) != len(self._paths):  # a track that is not listed counts as deleted
                raise RuntimeError(f"{len(self._listed)} of {len(self._paths)} ranges were listed")
        finally:
            self._stop.set()
            for process in processes:
                process.close()
            pool.shutdown(cancel_futures=True)

    def _start(self, count: int) -> list[ListerProcess]:
        """Start processes and hand the remaining ranges to them. If none can be started, the threads continue."""
        make, processes = self._make_process, list[ListerProcess]()
        self._make_process = None
        try:
            while make and len(processes) < count:
                processes.append(make())
        except OSError as error:
            say(f"no further process for the listing can be started: {error.strerror}")
        if processes:
            self._handed_over.set()
        return processes

    def _list_here(self, until: Event) -> None:
        """List the remaining ranges until the event `until` hands them to others."""
        while not (self._stop.is_set() or until.is_set()):
            try:
                job = self._left.popleft()
            except IndexError:
                return
            self._list_job(job)

    def _list_there(self, process: ListerProcess) -> None:
        """Let a process list ranges. If it ends early, threads list its unfinished and the remaining ranges."""
        try:
            process.work(self._left, self._reply, self._stop)
        except ListerEnded as ended:
            if not self._stop.is_set():
                say(f"{ended}: its ranges are listed without it")
                self._left.extendleft(ended.pending)
                with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="list") as pool:
                    for future in [pool.submit(self._list_here, self._stop) for _ in range(AT_ONCE)]:
                        future.result()

    def _list_job(self, job: RangeJob) -> None:
        self._counts[job.number] = ListingCount(ignore_progress)
        pages = list_range(self._store, KeyRange(job.prefix, job.after, job.until))
        self._runs.add_batches(self._counts[job.number].counted(track_batches(pages), self._stop))
        self._listed.add(job.number)

    def _reply(self, reply: RangeReply) -> None:
        count = self._counts[reply.number]
        count.tracks, count.size_bytes = reply.tracks, reply.size_bytes
        if reply.done:
            self._runs.add_file(Path(self._paths[reply.number]))
            self._listed.add(reply.number)


def track_batches(pages: Iterable[ObjectPage]) -> Iterator[pa.RecordBatch]:
    """All objects except the empty ones that some tools create to represent a folder."""
    last = ""
    for page in pages:
        _check_sorted(last, page.uris)
        if page.uris:
            last = page.uris[-1]
            yield _without_markers(page)


def _check_sorted(last: str, uris: list[str]) -> None:
    if all(map(lt, chain([last], uris), uris)):
        return
    before, after = next((one, other) for one, other in zip(chain([last], uris), uris, strict=False) if one >= other)
    raise UserError(
        f"The server does not list keys in sorted order: {after!r} came after {before!r}.",
        "give a CSV or Parquet file with a column `uri` instead of a prefix",
    )


def _without_markers(page: ObjectPage) -> pa.RecordBatch:
    uris = pa.array(page.uris, pa.string())
    etags, sizes_bytes = pa.array(page.etags, pa.string()), pa.array(page.sizes_bytes, pa.int64())
    batch = listed_rows(uris, uris, etags, sizes_bytes, times_of(page.modified))
    if 0 not in page.sizes_bytes:
        return batch
    facts = zip(page.uris, page.sizes_bytes, strict=True)
    return batch.filter(pa.array([size_bytes > 0 or not uri.endswith("/") for uri, size_bytes in facts]))
