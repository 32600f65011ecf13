"""What the decoder needs of the tracks of a batch, fetched ahead of it so that reading and decoding overlap."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Lock

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.prefetch import prefetch
from genre_batch.decode.ranged_file import BLOCK_BYTES, RangedFile
from genre_batch.decode.window import Window
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import AccessDenied, ObjectChanged, ObjectGone, StorageError

_MOST_REQUESTS = 12
"""After so many an object is read whole: its decoder jumps about."""

ReadRange = Callable[[int, int], bytes]

_REASONS: tuple[tuple[type[StorageError], RejectReason], ...] = (
    (ObjectGone, RejectReason.GONE),
    (ObjectChanged, RejectReason.CHANGED),
    (AccessDenied, RejectReason.ACCESS_DENIED),
    (StorageError, RejectReason.READ_FAILED),
)


class ObjectReader:
    """Reads objects pinned to the etag they were listed with, each with a few ranged requests, ahead of use.

    What a decoder needs for `window` is worked out from an object's first bytes. Objects where that cannot be done are
    read whole, up to `whole_bytes`; larger ones by the ranges that are asked for.
    `bytes_read` and `reads` count what came from storage so far, and in how many requests.
    """

    def __init__(self, window: Window, *, ahead_tracks: int = 8, whole_bytes: int = 32 << 20) -> None:
        self._window = window
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
        """The object as a file, which has at hand what its decoder is expected to read."""
        require_listed(track)
        blocks = max(1, self._whole_bytes // BLOCK_BYTES)
        file = RangedFile(partial(self._read, track), track.size_bytes, largest_blocks=blocks)
        prefetch(file, track.track_id, self._window, whole_bytes=self._whole_bytes)
        return file

    def _reader(self, fetch: "Future[RangedFile]") -> ReadRange:
        def read(start: int, length: int) -> bytes:
            file = fetch.result()
            if file.fetches >= _MOST_REQUESTS and file.size_bytes <= self._whole_bytes:
                file.expect(0, file.size_bytes)
            return file.read_range(start, length)

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
