"""The frozen listing of a run: its tracks, sorted and unique, in Parquet files that never change.

The listing of a nightly run is sorted shard by shard (see `work_order.py`). A listing is a folder with
`part-00000.parquet` and so on, and `listing.json`, which is written last: once it exists, the listing is complete.
"""

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import FACTS, SCHEMA, in_batches, to_tracks
from genre_batch.errors import DamageFound, UserError
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.open_store import join
from genre_batch.storage.store import ObjectGone, Store

_FILE_ROWS = 500_000
GROUP_ROWS = 16_384
LISTING_INDEX = "listing.json"
_FIRST_SCHEMA = pa.schema([SCHEMA.field(name) for name in FACTS])
"""What listings had before they said when a track was written, and whether an earlier run left it for later."""


class ListingInfo(BaseModel):
    """What a listing holds. `size_bytes` is the sum over tracks of known size.

    `files` are names in the folder; each file has `file_rows` tracks, except that the last one has the rest. `sha256`
    has the hash of each file, in hex; listings by older versions have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracks: NonNegativeInt
    size_bytes: NonNegativeInt
    file_rows: PositiveInt
    files: tuple[str, ...]
    sha256: tuple[str, ...] = ()

    def as_json(self) -> bytes:
        """The bytes of `listing.json`: for a listing that was read, exactly those that were read."""
        return self.model_dump_json(indent=1, exclude_unset=True).encode()


def part_name(number: int) -> str:
    """The name of file `number` of a listing, counted from 0."""
    return f"part-{number:05d}.parquet"


def write_listing(tracks: Iterable[Track], store: Store, folder_uri: str, file_rows: int = _FILE_ROWS) -> ListingInfo:
    """Write `tracks`, which must be sorted by track_id and unique, as a listing. Without tracks, nothing is written.

    The same tracks give the same bytes. Memory holds the bytes of one file at most. Raises UserError if the folder has
    another listing, ValueError if the tracks are out of order.
    """
    return write_batches(in_batches(tracks, min(file_rows, GROUP_ROWS)), store, folder_uri, file_rows)


def write_batches(
    batches: Iterable[pa.RecordBatch],
    store: Store,
    folder_uri: str,
    file_rows: int = _FILE_ROWS,
    *,
    sorted_rows: int | None = None,
) -> ListingInfo:
    """The same as `write_listing` for tracks as rows; the sizes of the batches make no difference.

    sorted_rows: not all rows are sorted together, but each stretch of this many.
    """
    rows = _ListingRows(batches, sorted_rows)
    files: dict[str, str] = {}
    while not rows.exhausted:
        data = to_parquet(rows.groups(file_rows))
        name = part_name(len(files))
        files[name] = hashlib.sha256(data).hexdigest()
        _create_once(store, folder_uri, name, data)
    info = ListingInfo(
        tracks=rows.count,
        size_bytes=rows.size_bytes,
        file_rows=file_rows,
        files=tuple(files),
        sha256=tuple(files.values()),
    )
    if files:
        _create_once(store, folder_uri, LISTING_INDEX, info.as_json())
    return info


def to_parquet(groups: Iterable[pa.Table]) -> bytes:
    """A Parquet file with one row group for each of `groups`; memory holds one of them at a time."""
    file = io.BytesIO()
    with pq.ParquetWriter(file, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=max(1, group.num_rows))
    return file.getvalue()


class ListingFile:
    """One open file of a listing, which caches the row group that was read last. `groups` counts the row groups.

    Raises DamageFound if the file is missing, does not have `tracks` rows of the right columns, or fails its checksums.
    """

    def __init__(self, store: Store, uri: str, tracks: int) -> None:
        self._uri = uri
        try:
            source = pa.PythonFile(ObjectFile(store, uri), mode="r")
            self._parquet = pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True)
        except (ObjectGone, pa.ArrowInvalid) as error:
            raise self._damage() from error
        metadata = self._parquet.metadata
        if metadata.num_rows != tracks or self._parquet.schema_arrow not in (SCHEMA, _FIRST_SCHEMA):
            raise self._damage()
        self.groups = metadata.num_row_groups
        self._starts = list(accumulate((metadata.row_group(n).num_rows for n in range(self.groups)), initial=0))
        self._cached: tuple[int, pa.Table] | None = None

    def table(self, start: int, stop: int) -> pa.Table:
        """The tracks from row `start` up to `stop` or to the end of that row group, whichever comes first."""
        group = bisect_right(self._starts, start) - 1
        first, end = self._starts[group : group + 2]
        return self._group(group).slice(start - first, min(stop, end) - start)

    def __iter__(self) -> Iterator[Track]:
        for group in range(self.groups):
            yield from to_tracks(self._group(group))

    def _group(self, group: int) -> pa.Table:
        if self._cached is None or self._cached[0] != group:
            try:
                self._cached = group, _with_all_columns(self._parquet.read_row_group(group))
            except (OSError, pa.ArrowInvalid) as error:
                raise self._damage() from error
        return self._cached[1]

    def _damage(self) -> DamageFound:
        return DamageFound(f"{self._uri!r} is not the file that the listing names.", "list the catalog again")


def _with_all_columns(rows: pa.Table) -> pa.Table:
    """The rows of an older listing with the columns that were added since, which are null."""
    for field in SCHEMA:
        if field.name not in rows.schema.names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows


class Listing:
    """A listing that is read by row, on demand, in one thread. It caches the row group that was read last.

    Raises UserError if there is no complete listing, DamageFound for files that the listing does not describe, and what
    the store raises.
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
        """Tracks `start` to `stop` (exclusive). Raises IndexError if the listing is shorter."""
        return to_tracks(self.table(start, stop))

    def table(self, start: int, stop: int) -> pa.Table:
        """The same tracks as an Arrow table."""
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


class _ListingRows:
    """Counts the tracks on their way into files, checks their order, and cuts them into row groups."""

    def __init__(self, batches: Iterable[pa.RecordBatch], sorted_rows: int | None = None) -> None:
        self._batches = iter(batches)
        self._sorted_rows = sorted_rows
        self._checked = 0
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._last: str | None = None
        self.count = 0
        self.size_bytes = 0

    @property
    def exhausted(self) -> bool:
        """Whether all rows have been taken."""
        self._fill_to(1)
        return self._pending_rows == 0

    def groups(self, rows: int) -> Iterator[pa.Table]:
        """The next `rows` rows, or the remaining ones, in row groups."""
        while rows > 0 and not self.exhausted:
            group = self._take(min(rows, GROUP_ROWS))
            rows -= group.num_rows
            self.count += group.num_rows
            self.size_bytes += pc.sum(pc.max_element_wise(group["size_bytes"], 0)).as_py()
            yield group

    def _take(self, rows: int) -> pa.Table:
        self._fill_to(rows)
        table = pa.Table.from_batches(self._pending).combine_chunks()
        rest = table.slice(rows)
        self._pending, self._pending_rows = rest.to_batches(), rest.num_rows
        return table.slice(0, rows)

    def _fill_to(self, rows: int) -> None:
        while self._pending_rows < rows and (batch := next(self._batches, None)) is not None:
            self._check_order(batch["track_id"])
            self._pending.append(batch)
            self._pending_rows += batch.num_rows

    def _check_order(self, ids: pa.Array) -> None:
        before = pa.concat_arrays([pa.array([self._last], pa.string()), ids[:-1]]) if len(ids) else ids
        disordered = pc.fill_null(pc.less_equal(ids, before), False)
        if self._sorted_rows is not None:
            begins = np.arange(self._checked, self._checked + len(ids)) % self._sorted_rows == 0
            disordered = pc.and_not(disordered, pa.array(begins))
        self._checked += len(ids)
        wrong = pc.index(disordered, True).as_py()
        if wrong >= 0:
            raise ValueError(f"{ids[wrong]} comes after {before[wrong]}: a listing is sorted and unique")
        if len(ids):
            self._last = ids[-1].as_py()


def _create_once(store: Store, folder_uri: str, name: str, data: bytes) -> None:
    """Write one file. A writer that was interrupted may write the same bytes again, but no others."""
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
