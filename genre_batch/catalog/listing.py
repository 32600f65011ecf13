"""The frozen listing of a run: its tracks, sorted and unique, in Parquet files that are never changed.

A listing is a folder with `part-00000.parquet` and so on, and with `listing.json`, which is written last: without it
there is no listing, with it the listing is complete.
"""

import hashlib
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from genre_batch.catalog.listing_file import GROUP_ROWS, ListingFile, to_parquet
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, in_batches, to_tracks
from genre_batch.errors import DamageFound, UserError
from genre_batch.storage.open_store import join
from genre_batch.storage.store import ObjectGone, Store

_FILE_ROWS = 500_000
LISTING_INDEX = "listing.json"


class ListingInfo(BaseModel):
    """What a listing holds. `size_bytes` leaves out tracks whose size is not known.

    `files` are names in the folder; each has `file_rows` tracks, but for the last one, which has the rest. `sha256` is
    that of each file, in hex; older listings have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracks: NonNegativeInt
    size_bytes: NonNegativeInt
    file_rows: PositiveInt
    files: tuple[str, ...]
    sha256: tuple[str, ...] = ()

    def as_json(self) -> bytes:
        """The bytes of `listing.json`; also for a listing that was read, whatever version wrote it."""
        return self.model_dump_json(indent=1, exclude_unset=True).encode()


def part_name(number: int) -> str:
    """The name of a listing's file of this number, from 0."""
    return f"part-{number:05d}.parquet"


def write_listing(tracks: Iterable[Track], store: Store, folder_uri: str, file_rows: int = _FILE_ROWS) -> ListingInfo:
    """Write `tracks`, which must be sorted by track_id and unique, as a listing; nothing where there are none.

    The same tracks give the same bytes. At most one file's bytes are held in memory. Raises UserError where there is
    another listing already, ValueError where the tracks are not in order.
    """
    return write_batches(in_batches(tracks, min(file_rows, GROUP_ROWS)), store, folder_uri, file_rows)


def write_batches(
    batches: Iterable[pa.RecordBatch], store: Store, folder_uri: str, file_rows: int = _FILE_ROWS
) -> ListingInfo:
    """The same as `write_listing`, of tracks as rows; how they are cut into batches makes no difference."""
    rows = _Rows(batches)
    files: dict[str, str] = {}
    while not rows.ended:
        data = to_parquet(rows.groups(file_rows))
        name = part_name(len(files))
        files[name] = hashlib.sha256(data).hexdigest()
        _create(store, folder_uri, name, data)
    info = ListingInfo(
        tracks=rows.count,
        size_bytes=rows.size_bytes,
        file_rows=file_rows,
        files=tuple(files),
        sha256=tuple(files.values()),
    )
    if files:
        _create(store, folder_uri, LISTING_INDEX, info.as_json())
    return info


class Listing:
    """A written listing, by row, for one thread. Only what is asked for is read; the last row group is kept.

    Raises UserError where there is no complete listing, DamageFound for files that are not what they should be, and
    what the store raises.
    """

    def __init__(self, store: Store, folder_uri: str) -> None:
        self._store = store
        self._folder_uri = folder_uri
        self.info = _read_info(store, folder_uri)
        self._open: tuple[int, ListingFile] | None = None

    def __len__(self) -> int:
        return self.info.tracks

    def __iter__(self) -> Iterator[Track]:
        for number in range(len(self.info.files)):
            yield from self._file(number)

    def rows(self, start: int, stop: int) -> list[Track]:
        """Tracks `start` to `stop` (not included), of which there must be so many: IndexError otherwise."""
        return to_tracks(self.table(start, stop))

    def table(self, start: int, stop: int) -> pa.Table:
        """The same tracks as rows."""
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"rows {start} to {stop} of a listing of {len(self)}")
        pieces = [SCHEMA.empty_table()]
        while start < stop:
            number, row = divmod(start, self.info.file_rows)
            pieces.append(self._file(number).table(row, row + stop - start))
            start += pieces[-1].num_rows
        return pa.concat_tables(pieces)

    def _file(self, number: int) -> ListingFile:
        if self._open is None or self._open[0] != number:
            uri = join(self._folder_uri, self.info.files[number])
            tracks = min(self.info.file_rows, self.info.tracks - number * self.info.file_rows)
            self._open = number, ListingFile(self._store, uri, tracks)
        return self._open[1]


class _Rows:
    """Tracks on their way into files: counted, checked to be in order, and cut into row groups."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._last: str | None = None
        self.count = 0
        self.size_bytes = 0

    @property
    def ended(self) -> bool:
        """Whether there is no row left."""
        self._wait_for(1)
        return self._waiting_rows == 0

    def groups(self, rows: int) -> Iterator[pa.Table]:
        """The next `rows` rows, or all that are left, in row groups."""
        while rows > 0 and not self.ended:
            group = self._take(min(rows, GROUP_ROWS))
            rows -= group.num_rows
            self.count += group.num_rows
            self.size_bytes += pc.sum(pc.max_element_wise(group["size_bytes"], 0)).as_py()
            yield group

    def _take(self, rows: int) -> pa.Table:
        self._wait_for(rows)
        table = pa.Table.from_batches(self._waiting).combine_chunks()
        rest = table.slice(rows)
        self._waiting, self._waiting_rows = rest.to_batches(), rest.num_rows
        return table.slice(0, rows)

    def _wait_for(self, rows: int) -> None:
        while self._waiting_rows < rows and (batch := next(self._batches, None)) is not None:
            self._check_order(batch["track_id"])
            self._waiting.append(batch)
            self._waiting_rows += batch.num_rows

    def _check_order(self, ids: pa.Array) -> None:
        before = pa.concat_arrays([pa.array([self._last], pa.string()), ids[:-1]]) if len(ids) else ids
        wrong = pc.index(pc.less_equal(ids, before), True).as_py()
        if wrong >= 0:
            raise ValueError(f"{ids[wrong]} comes after {before[wrong]}: a listing is sorted and unique")
        if len(ids):
            self._last = ids[-1].as_py()


def _create(store: Store, folder_uri: str, name: str, data: bytes) -> None:
    """Write one file; a writer that was interrupted may come again with the same tracks, but with no others."""
    uri = join(folder_uri, name)
    if not store.create(uri, data) and store.read(uri) != data:
        raise UserError(
            f"There is another listing in {folder_uri!r} already.", "give a folder of its own to each listing"
        )


def _read_info(store: Store, folder_uri: str) -> ListingInfo:
    uri = join(folder_uri, LISTING_INDEX)
    try:
        return ListingInfo.model_validate_json(store.read(uri))
    except ObjectGone as error:
        raise UserError(f"There is no complete listing in {folder_uri!r}.", "list the catalog again") from error
    except ValidationError as error:
        raise DamageFound(f"{uri!r} is not the index of a listing.", "list the catalog again") from error
