"""The frozen listing of a run: its tracks, sorted and unique, in Parquet files that are never changed."""

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice

import pyarrow as pa
import pyarrow.parquet as pq

from genre_batch.catalog.track import Track
from genre_batch.errors import UserError
from genre_batch.storage.open_store import join
from genre_batch.storage.store import Store

SCHEMA = pa.schema(
    [
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
    ]
)
_FILE_ROWS = 1_000_000
_GROUP_ROWS = 16_384
_FILES_KEPT = 2


@dataclass(frozen=True, slots=True)
class ListingInfo:
    """What was written. `size_bytes` leaves out tracks whose size is not known; `files` are names in the folder."""

    tracks: int
    size_bytes: int
    files: tuple[str, ...]


def write_listing(tracks: Iterable[Track], store: Store, folder_uri: str, file_rows: int = _FILE_ROWS) -> ListingInfo:
    """Write `tracks`, which must be sorted by track_id and unique, to `part-NNNNN.parquet` in a folder.

    The same tracks give the same bytes. At most one file's worth is held in memory. Raises UserError where a file is
    there already, ValueError where the tracks are not in order.
    """
    rows = _in_order(iter(tracks))
    files: list[str] = []
    count = size_bytes = 0
    while True:
        groups = _groups(islice(rows, file_rows))
        if not groups:
            return ListingInfo(count, size_bytes, tuple(files))
        files.append(f"part-{len(files):05d}.parquet")
        if not store.create(join(folder_uri, files[-1]), _to_parquet(groups)):
            raise UserError(f"there is a listing in {folder_uri} already", "give a folder of its own to each listing")
        count += sum(group.num_rows for group in groups)
        size_bytes += sum(_known_bytes(group) for group in groups)


class Listing:
    """A written listing, by row. A few files are kept in memory as bytes, and one row group as tracks."""

    def __init__(self, store: Store, folder_uri: str) -> None:
        self._store = store
        uris = [stored.uri for stored in store.list(folder_uri) if stored.uri.endswith(".parquet")]
        self._open = lru_cache(maxsize=_FILES_KEPT)(self._open_file)
        self._group = lru_cache(maxsize=2)(self._read_group)
        self._groups: list[tuple[str, int]] = []
        sizes = []
        for uri in uris:
            metadata = self._open(uri).metadata
            self._groups += [(uri, number) for number in range(metadata.num_row_groups)]
            sizes += [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self._starts: list[int] = list(accumulate(sizes, initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Track]:
        for group in range(len(self._groups)):
            yield from self._group(group)

    def rows(self, start: int, stop: int) -> list[Track]:
        """Tracks `start` to `stop` (not included), of which there must be so many."""
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"rows {start} to {stop} of a listing of {len(self)}")
        tracks: list[Track] = []
        while start < stop:
            group = bisect_right(self._starts, start) - 1
            first, end = self._starts[group], min(stop, self._starts[group + 1])
            tracks += self._group(group)[start - first : end - first]
            start = end
        return tracks

    def _open_file(self, uri: str) -> pq.ParquetFile:
        return pq.ParquetFile(io.BytesIO(self._store.read(uri)))

    def _read_group(self, group: int) -> list[Track]:
        uri, number = self._groups[group]
        columns = self._open(uri).read_row_group(number, columns=SCHEMA.names).to_pydict()
        return [Track(*values) for values in zip(*(columns[name] for name in SCHEMA.names), strict=True)]


def _in_order(tracks: Iterator[Track]) -> Iterator[Track]:
    last: Track | None = None
    for track in tracks:
        if last is not None and track.track_id <= last.track_id:
            raise ValueError(f"{track.track_id!r} comes after {last.track_id!r}: a listing is sorted and unique")
        last = track
        yield track


def _groups(rows: Iterator[Track]) -> list[pa.RecordBatch]:
    """Rows as batches, each of which becomes a row group: as Arrow, a million of them take a few hundred bytes each."""
    groups = []
    while chunk := list(islice(rows, _GROUP_ROWS)):
        columns = [[getattr(track, name) for track in chunk] for name in SCHEMA.names]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        groups.append(pa.record_batch(arrays, schema=SCHEMA))
    return groups


def _to_parquet(groups: list[pa.RecordBatch]) -> bytes:
    target = io.BytesIO()
    with pq.ParquetWriter(target, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for group in groups:
            writer.write_batch(group, row_group_size=_GROUP_ROWS)
    return target.getvalue()


def _known_bytes(group: pa.RecordBatch) -> int:
    return sum(size for size in group["size_bytes"].to_pylist() if size > 0)
