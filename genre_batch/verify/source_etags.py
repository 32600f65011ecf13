"""Finds objects of the source that have changed since they were listed: information, since catalogs do change."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby

import pyarrow as pa

from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_tracks
from genre_batch.sink.map_ahead import map_ahead
from genre_batch.storage.open_store import RequestPayer, open_store
from genre_batch.storage.store import AccessDenied, NoConnection, ObjectGone, ReadFailed
from genre_batch.verify.findings import Findings, Kind

_THREADS = 32
_TRACKS_IN_MEMORY = 50_000


class ListedVersions:
    """Collects the tracks of all runs, oldest run first; `check` compares the last version of each with its object."""

    def __init__(self, runs: TrackRuns, request_payer: RequestPayer | None = None) -> None:
        self._runs = runs
        self._request_payer = request_payer
        self._waiting: list[Track] = []

    def add(self, tracks: pa.Table) -> None:
        """Add listed tracks."""
        for batch in tracks.to_batches(max_chunksize=_TRACKS_IN_MEMORY):
            self._waiting += to_tracks(batch)
            if len(self._waiting) >= _TRACKS_IN_MEMORY:
                self._flush()

    def check(self, findings: Findings) -> None:
        """Add each track whose object has another version now, or is gone. Costs one request per track."""
        self._flush()
        compare = partial(_compare, request_payer=self._request_payer)
        with ThreadPoolExecutor(_THREADS) as executor:
            for track, fault in map_ahead(compare, self._newest(), executor, 4 * _THREADS):
                if fault:
                    findings.add(Kind.CHANGED, track.uri, fault, tracks=1)

    def _flush(self) -> None:
        self._runs.add(self._waiting)
        self._waiting = []

    def _newest(self) -> Iterator[Track]:
        for _, versions in groupby(self._runs.merged(), key=lambda track: track.track_id):
            yield list(versions)[-1]


def _compare(track: Track, request_payer: RequestPayer | None) -> tuple[Track, str | None]:
    try:
        etag = open_store(track.uri, request_payer).head(track.uri).etag
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
