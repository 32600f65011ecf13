"""Bytes of the tracks of a batch, fetched ahead of the decoder so that reading and decoding overlap."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import AccessDenied, ObjectChanged, ObjectGone, StorageError

ReadRange = Callable[[int, int], bytes | memoryview]

_REASONS: tuple[tuple[type[StorageError], RejectReason], ...] = (
    (ObjectGone, RejectReason.GONE),
    (ObjectChanged, RejectReason.CHANGED),
    (AccessDenied, RejectReason.ACCESS_DENIED),
    (StorageError, RejectReason.READ_FAILED),
)


class ObjectReader:
    """Reads objects pinned to the etag they were listed with; objects up to `whole_bytes` in one request, ahead of use.

    `bytes_read` and `reads` count what came from storage so far, and in how many requests.
    """

    def __init__(self, *, ahead_tracks: int = 4, whole_bytes: int = 32 << 20) -> None:
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
            yield track, self._reader(track, fetch)
            fetched.extend((ahead, self._threads.submit(self._fetch, ahead)) for ahead in islice(upcoming, 1))

    def _fetch(self, track: Track) -> bytes | None:
        """The whole object, or None where it is too large to be held; its ranges are then read one by one."""
        require_listed(track)
        if track.size_bytes > self._whole_bytes:
            return None
        return self._read(track, 0, track.size_bytes) if track.size_bytes else b""

    def _reader(self, track: Track, fetch: "Future[bytes | None]") -> ReadRange:
        def read(start: int, length: int) -> bytes | memoryview:
            whole = fetch.result()
            return self._read(track, start, length) if whole is None else memoryview(whole)[start : start + length]

        return read

    def _read(self, track: Track, start: int, length: int) -> bytes:
        try:
            data = open_store(track.uri).read(track.uri, etag=track.etag, start=start, length=length)
        except StorageError as error:
            raise _rejected(error) from error
        with self._counting:
            self.bytes_read += len(data)
            self.reads += 1
        return data


def require_listed(track: Track) -> None:
    """Raise TrackRejected for a track that the listing could not see, with the reason why it cannot be read now."""
    if track.etag:
        return
    try:
        open_store(track.uri).head(track.uri)
    except StorageError as error:
        raise _rejected(error) from error
    raise TrackRejected(RejectReason.CHANGED, Stage.READ, "the object appeared after the listing was made")


def _rejected(error: StorageError) -> TrackRejected:
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    return TrackRejected(reason, Stage.READ, str(error))
