"""SOURCE becomes tracks, sorted and unique: a prefix or folder, or a CSV or Parquet file that names them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.catalog_file import catalog_rows, is_catalog_file
from genre_batch.catalog.object_heads import tracks_of
from genre_batch.catalog.prefix import OnProgress, add_prefix, reported, say_nothing
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.catalog.track_table import one_by_one, to_batch, to_tracks
from genre_batch.errors import UsageError, UserError
from genre_batch.storage.open_store import absolute, as_folder, open_store
from genre_batch.storage.store import AccessDenied, ObjectGone, StorageError
from genre_batch.storage.uri import is_s3, local_path

_DENIED_HINT = "check the AWS credentials (AWS_PROFILE and the like) or the permissions"
_LOG = logging.getLogger(__name__)


class ListedTracks(Iterator[Track]):
    """Tracks sorted by track_id, each id once; the work is done while iterating, in bounded memory.

    Of rows with one track_id the first one in the catalog file stands. `duplicates` counts those left out although
    their URI is another; when all tracks have been taken, they are warned about once.
    """

    def __init__(self, source: str, on_progress: OnProgress, max_denied_in_a_row: int | None) -> None:
        self.duplicates = 0
        self._source = source
        self._max_denied_in_a_row = max_denied_in_a_row
        self._batches = self._listed(on_progress)
        self._tracks = one_by_one(self._batches)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Track:
        return next(self._tracks)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The same tracks as rows, many at once; take them this way or one by one, not both."""
        return self._batches

    def _listed(self, on_progress: OnProgress) -> Iterator[pa.RecordBatch]:
        with TrackRuns() as runs:
            with explained():
                if is_catalog_file(self._source):
                    rows = catalog_rows(absolute(self._source))
                    runs.add(reported(tracks_of(rows, self._max_denied_in_a_row), on_progress))
                else:
                    add_prefix(runs, open_store(self._source), folder_of(self._source), on_progress)
            yield from self._unique(runs.merged_batches())

    def _unique(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        kept: Track | None = None
        for batch in batches:
            unique = batch if _all_differ(kept, batch["track_id"]) else to_batch(list(self._kept(kept, batch)))
            if unique.num_rows:
                kept = to_tracks(unique.slice(unique.num_rows - 1))[0]
                yield unique
        if kept is None:
            raise UsageError(
                f"There is no track in {self._source!r}.", "check the prefix, folder or file that is named"
            )
        if self.duplicates:
            _LOG.warning("%d rows have a track_id that an earlier row gives another URI: left out", self.duplicates)

    def _kept(self, kept: Track | None, batch: pa.RecordBatch) -> Iterator[Track]:
        """The first track of each track_id, where that of `kept` has been taken already; counts the others."""
        for track in to_tracks(batch):
            if kept is None or track.track_id != kept.track_id:
                kept = track
                yield track
            else:
                self.duplicates += track.uri != kept.uri


def _all_differ(kept: Track | None, sorted_ids: pa.Array) -> bool:
    """Whether no two of the ids are equal, nor the first is that of `kept`."""
    first_seen = kept is not None and kept.track_id == sorted_ids[0].as_py()
    return not first_seen and not pc.any(pc.equal(sorted_ids[1:], sorted_ids[:-1])).as_py()


def list_tracks(
    source: str, on_progress: OnProgress = say_nothing, *, max_denied_in_a_row: int | None = None
) -> ListedTracks:
    """The tracks of SOURCE: all objects below a prefix or folder, or those that a CSV or Parquet file names.

    `on_progress` is told the numbers of tracks and bytes so far, in the calling thread. A track of a file whose object
    is gone, denied or cannot be read has etag "" and size -1. Iterating raises UserError for a source that cannot be
    listed or has no track, and once so many objects of a file were denied, or could not be read, one after the other.
    """
    open_store(source)
    return ListedTracks(source, on_progress, max_denied_in_a_row)


def folder_of(source: str) -> str:
    """The folder that `source` names, as a URI. Raises UsageError where it is a local one that is not there."""
    if is_s3(source):
        return as_folder(source)
    path = Path(local_path(source))
    try:
        if path.is_dir():
            return as_folder(source)
        if path.exists():
            raise UsageError(f"{source!r} is a file.", "give a folder, or a .csv or .parquet file that names tracks")
    except PermissionError as error:
        raise UsageError(f"The folder {source!r} cannot be read: permission denied.", _DENIED_HINT) from error
    raise UsageError(f"The folder {source!r} does not exist.", "check the path")


@contextmanager
def explained() -> Iterator[None]:
    """Errors of the storage as errors that the user can act on."""
    try:
        yield
    except ObjectGone as error:
        raise UsageError(str(error), "check the name of the bucket and the path") from error
    except AccessDenied as error:
        raise UsageError(str(error), _DENIED_HINT) from error
    except StorageError as error:
        raise UserError(str(error), "check the network and AWS_ENDPOINT_URL, then start again") from error
