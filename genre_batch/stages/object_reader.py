"""Fetches what the decoder needs of the tracks of a batch ahead of it, so that reading and decoding overlap."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Lock

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.fetch_window import fetch_window
from genre_batch.decode.window import Window
from genre_batch.sandbox.call import ReadRange
from genre_batch.storage.open_store import RequestPayer, open_store
from genre_batch.storage.ranged_file import BLOCK_BYTES, RangedFile
from genre_batch.storage.store import AccessDenied, Archived, ObjectChanged, ObjectGone, StorageError

_MOST_REQUESTS = 12
"""After this many for each piece of the window an object is read whole: its decoder seeks too much."""

_REASONS: tuple[tuple[type[StorageError], RejectReason], ...] = (
    (ObjectGone, RejectReason.GONE),
    (ObjectChanged, RejectReason.CHANGED),
    (AccessDenied, RejectReason.ACCESS_DENIED),
    (Archived, RejectReason.ARCHIVED),
    (StorageError, RejectReason.READ_FAILED),
)


class ObjectReader:
    """Reads objects ahead of use, each with a few ranged requests, pinned to the etag it was listed with.

    The first bytes of an object tell which ranges the decoder needs for each of `windows`. If they do not, an object
    of up to `whole_bytes` is read whole, and a larger one by the ranges that the decoder asks for.
    `bytes_read` and `reads` count the bytes and requests so far. request_payer: see `open_store`.
    """

    def __init__(
        self,
        *windows: Window,
        ahead_tracks: int = 8,
        whole_bytes: int = 32 << 20,
        request_payer: RequestPayer | None = None,
    ) -> None:
        self._windows = windows
        self._most_requests = _MOST_REQUESTS * sum(window.pieces for window in windows)
        self._request_payer = request_payer
        self._ahead_tracks = ahead_tracks
        self._whole_bytes = whole_bytes
        self._threads = ThreadPoolExecutor(ahead_tracks, thread_name_prefix="read")
        self._counting = Lock()
        self.bytes_read = 0
        self.reads = 0

    def ranges(self, tracks: Iterable[Track]) -> Iterator[tuple[Track, ReadRange]]:
        """Each track with a function `(start, length) -> bytes`, which raises TrackRejected when reading fails."""
        upcoming = iter(tracks)
        fetched = deque(
            (track, self._threads.submit(self._fetch, track)) for track in islice(upcoming, self._ahead_tracks)
        )
        while fetched:
            track, fetch = fetched.popleft()
            yield track, self._reader(fetch)
            fetched.extend((ahead, self._threads.submit(self._fetch, ahead)) for ahead in islice(upcoming, 1))

    def _fetch(self, track: Track) -> RangedFile:
        """The object as a file that has already fetched what its decoder is expected to read."""
        require_listed(track, self._request_payer)
        blocks = max(1, self._whole_bytes // BLOCK_BYTES)
        file = RangedFile(partial(self._read, track), track.size_bytes, max_fetch_blocks=blocks)
        for window in self._windows:
            fetch_window(file, track.track_id, window, whole_bytes=self._whole_bytes)
        return file

    def _reader(self, fetch: "Future[RangedFile]") -> ReadRange:
        def read(start: int, length: int) -> bytes:
            file = fetch.result()
            if file.fetches >= self._most_requests and file.size_bytes <= self._whole_bytes:
                file.expect(0, file.size_bytes)
            return file.read_range(start, length)

        return read

    def _read(self, track: Track, start: int, length: int) -> bytes:
        try:
            store = open_store(track.uri, self._request_payer)
            data = store.read(track.uri, etag=track.etag, start=start, length=length)
        except StorageError as error:
            raise _rejected(error) from error
        with self._counting:
            self.bytes_read += len(data)
            self.reads += 1
        return data


def require_listed(track: Track, request_payer: RequestPayer | None = None) -> None:
    """Raise TrackRejected for a track that the listing could not see, with the reason why it cannot be read now."""
    if track.etag:
        return
    try:
        open_store(track.uri, request_payer).head(track.uri)
    except StorageError as error:
        raise _rejected(error) from error
    raise TrackRejected(RejectReason.CHANGED, RejectStage.READ, "the object appeared after the listing was made")


def _rejected(error: StorageError) -> TrackRejected:
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    return TrackRejected(reason, RejectStage.READ, str(error), error.hint)
