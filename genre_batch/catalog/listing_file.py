"""One Parquet file of a listing: written whole from a stream of tracks, read by row groups."""

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

import pyarrow as pa
import pyarrow.parquet as pq

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, to_tracks
from genre_batch.errors import DamageFound
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.store import ObjectGone, Store

GROUP_ROWS = 16_384


def to_parquet(groups: Iterable[pa.Table]) -> bytes:
    """A Parquet file with a row group for each of `groups`, of which one at a time is held."""
    file = io.BytesIO()
    with pq.ParquetWriter(file, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=max(1, group.num_rows))
    return file.getvalue()


class ListingFile:
    """An open file and the row group of it that was read last. `groups` counts the row groups.

    Raises DamageFound where the file is missing, has not `tracks` rows of the right columns, or breaks its checksums.
    """

    def __init__(self, store: Store, uri: str, tracks: int) -> None:
        self._uri = uri
        try:
            source = pa.PythonFile(ObjectFile(store, uri), mode="r")
            self._parquet = pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True)
        except (ObjectGone, pa.ArrowInvalid) as error:
            raise self._damage() from error
        metadata = self._parquet.metadata
        if metadata.num_rows != tracks or not self._parquet.schema_arrow.equals(SCHEMA):
            raise self._damage()
        self.groups = metadata.num_row_groups
        self._starts = list(accumulate((metadata.row_group(n).num_rows for n in range(self.groups)), initial=0))
        self._kept: tuple[int, pa.Table] | None = None

    def table(self, start: int, stop: int) -> pa.Table:
        """The tracks from row `start` on: up to `stop`, or to the end of the row group that `start` is in."""
        group = bisect_right(self._starts, start) - 1
        first, end = self._starts[group : group + 2]
        return self._group(group).slice(start - first, min(stop, end) - start)

    def __iter__(self) -> Iterator[Track]:
        for group in range(self.groups):
            yield from to_tracks(self._group(group))

    def _group(self, group: int) -> pa.Table:
        if self._kept is None or self._kept[0] != group:
            try:
                self._kept = group, self._parquet.read_row_group(group)
            except (OSError, pa.ArrowInvalid) as error:
                raise self._damage() from error
        return self._kept[1]

    def _damage(self) -> DamageFound:
        return DamageFound(f"{self._uri!r} is not the file that the listing names.", "list the catalog again")
