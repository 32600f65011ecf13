"""Whether the objects in the source are still those that were listed: information, since catalogs change."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import pyarrow as pa

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.catalog.track_table import to_tracks
from genre_batch.sink.prefetch import prefetched
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import AccessDenied, NoConnection, ObjectGone, ReadFailed
from genre_batch.verify.findings import Findings, Kind

_THREADS = 32
_KEPT_AT_ONCE = 50_000


class ListedVersions:
    """The tracks of all runs, oldest run first; the last version of each is compared with its object now."""

    def __init__(self, runs: TrackRuns) -> None:
        self._runs = runs
        self._waiting: list[Track] = []

    def add(self, tracks: pa.Table) -> None:
        """Note listed tracks."""
        for batch in tracks.to_batches(max_chunksize=_KEPT_AT_ONCE):
            self._waiting += to_tracks(batch)
            if len(self._waiting) >= _KEPT_AT_ONCE:
                self._flush()

    def check(self, findings: Findings) -> None:
        """Note each track whose object is another version now, or gone. One request for each track."""
        self._flush()
        with ThreadPoolExecutor(_THREADS) as executor:
            for track, fault in prefetched(_compare, self._newest(), executor, 4 * _THREADS):
                if fault:
                    findings.add(Kind.CHANGED, track.uri, fault, tracks=1)

    def _flush(self) -> None:
        self._runs.add(self._waiting)
        self._waiting = []

    def _newest(self) -> Iterator[Track]:
        for _, versions in groupby(self._runs.merged(), key=lambda track: track.track_id):
            yield list(versions)[-1]


def _compare(track: Track) -> tuple[Track, str | None]:
    try:
        etag = open_store(track.uri).head(track.uri).etag
    except ObjectGone:
        return track, "the object is gone" if track.etag else None
    except AccessDenied:
        return track, "access is denied" if track.etag else None
    except NoConnection:
        raise
    except ReadFailed:
        if track.etag:
            raise
        return track, None
    return track, None if etag == track.etag else f"etag {etag} now, {track.etag or 'none'} when it was listed"
