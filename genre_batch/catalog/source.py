"""The tracks of SOURCE, sorted and unique: those of a prefix, folder or S3 Inventory, or of a catalog file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.catalog_file import LookUp, catalog_rows, is_catalog_file, tracks_of
from genre_batch.catalog.inventory import add_inventory, is_inventory
from genre_batch.catalog.lister_processes import ListerProcess
from genre_batch.catalog.prefix import OnProgress, add_prefix, ignore_progress, reported
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_larger_batches, one_by_one, to_tracks
from genre_batch.errors import UsageError, UserError
from genre_batch.storage.open_store import RequestPayer, absolute, as_folder, open_store
from genre_batch.storage.store import AccessDenied, ObjectGone, StorageError
from genre_batch.storage.uri import is_s3, local_path

_DENIED_HINT = (
    "check the AWS credentials (for example AWS_PROFILE) or the permissions; a requester-pays bucket needs "
    "--set request_payer=requester"
)
_FOLDER_HINT = "check the permissions"
_LOG = logging.getLogger(__name__)


class ListedTracks(Iterator[Track]):
    """Tracks sorted by track_id, each id once. Iterating does the work, in bounded memory.

    If several rows have the same track_id, the first one in the catalog file counts. `duplicates` counts the others
    whose URI differs; once all tracks have been taken, a warning reports their number.
    """

    def __init__(
        self,
        source: str,
        on_progress: OnProgress,
        max_denied_in_a_row: int | None,
        request_payer: RequestPayer | None,
        look_up_many: LookUp | None,
    ) -> None:
        self.duplicates = 0
        self._look_up_many = look_up_many
        self._source = source
        self._max_denied_in_a_row = max_denied_in_a_row
        self._request_payer = request_payer
        self._batches = self._listed(on_progress)
        self._tracks = one_by_one(self._batches)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Track:
        return next(self._tracks)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The same tracks as rows; take them either this way or one by one."""
        return self._batches

    def _listed(self, on_progress: OnProgress) -> Iterator[pa.RecordBatch]:
        with TrackRuns() as runs:
            with user_errors():
                if is_catalog_file(self._source):
                    rows = catalog_rows(absolute(self._source), self._request_payer)
                    tracks = tracks_of(rows, self._max_denied_in_a_row, self._request_payer, self._look_up_many)
                    runs.add(reported(tracks, on_progress))
                elif is_inventory(self._source):
                    add_inventory(runs, absolute(self._source), on_progress, self._request_payer)
                else:
                    store = open_store(self._source, self._request_payer)
                    make_process = partial(ListerProcess, self._request_payer)
                    add_prefix(runs, store, folder_of(self._source), on_progress, make_process)
            yield from self._unique(in_larger_batches(runs.merged_batches()))

    def _unique(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        kept: Track | None = None
        for batch in batches:
            unique = batch if _all_differ(kept, batch["track_id"]) else batch.filter(self._are_first(kept, batch))
            if unique.num_rows:
                kept = to_tracks(unique.slice(unique.num_rows - 1))[0]
                yield unique
        if kept is None:
            raise UsageError(f"There is no track in {self._source!r}.", "check the prefix, folder or file name")
        if self.duplicates:
            _LOG.warning(
                "%d rows were left out because an earlier row has their track_id with another URI", self.duplicates
            )

    def _are_first(self, kept: Track | None, batch: pa.RecordBatch) -> pa.Array:
        """Which rows are the first of their track_id, which is not that of `kept` either; counts the duplicates."""
        first: list[bool] = []
        for track in to_tracks(batch):
            first.append(kept is None or track.track_id != kept.track_id)
            if first[-1]:
                kept = track
            elif kept is not None:
                self.duplicates += track.uri != kept.uri
        return pa.array(first, pa.bool_())


def _all_differ(kept: Track | None, sorted_ids: pa.Array) -> bool:
    """Whether no two of the ids are equal, and the first one is not that of `kept`."""
    first_seen = kept is not None and kept.track_id == sorted_ids[0].as_py()
    return not first_seen and not pc.any(pc.equal(sorted_ids[1:], sorted_ids[:-1])).as_py()


def list_tracks(
    source: str,
    on_progress: OnProgress = ignore_progress,
    *,
    max_denied_in_a_row: int | None = None,
    request_payer: RequestPayer | None = None,
    look_up_many: LookUp | None = None,
) -> ListedTracks:
    """The tracks of SOURCE: all objects below a prefix or folder, or those that an S3 Inventory or a CSV or Parquet
    file names.

    on_progress: receives the numbers of tracks and bytes so far, in the calling thread. request_payer: see
    `open_store`. look_up_many: see `tracks_of`. A track of a catalog file has etag "" and size -1 if its object is
    gone, denied or unreadable. Iterating raises UserError for a source that cannot be listed or has no track, and after
    that many consecutive objects of a catalog file were denied or unreadable.

    >>> [(track.uri.rsplit("/", 1)[-1], track.size_bytes) for track in list_tracks("music/")]
    [('song.wav', 1764044)]
    """
    open_store(source)
    return ListedTracks(source, on_progress, max_denied_in_a_row, request_payer, look_up_many)


def folder_of(source: str) -> str:
    """The folder that `source` names, as a URI. Raises UsageError if it is a local folder that does not exist."""
    if is_s3(source):
        return as_folder(source)
    path = Path(local_path(source))
    try:
        if path.is_dir():
            return as_folder(source)
        if path.exists():
            raise UsageError(
                f"{source!r} is a file.",
                "give a folder, a .csv or .parquet file that lists tracks, or the manifest.json of an S3 Inventory",
            )
    except PermissionError as error:
        raise UsageError(f"The folder {source!r} cannot be read: permission denied.", _FOLDER_HINT) from error
    raise UsageError(f"The folder {source!r} does not exist.", "check the path")


@contextmanager
def user_errors() -> Iterator[None]:
    """Raise errors of the storage as errors that the user can act on."""
    try:
        yield
    except ObjectGone as error:
        raise UsageError(str(error), "check the name of the bucket and the path") from error
    except AccessDenied as error:
        raise UsageError(str(error), error.hint or _DENIED_HINT) from error
    except StorageError as error:
        hint = error.hint or "check the network and AWS_ENDPOINT_URL"
        raise UserError(str(error), f"{hint}, then start again") from error
