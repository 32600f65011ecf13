"""The frozen listing of a run: its tracks, sorted and unique, in Parquet files that are never changed.

A listing is a folder with `part-00000.parquet` and so on, and with `listing.json`, which is written last: without it
there is no listing, with it the listing is complete.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from genre_batch.catalog.listing_file import ListingFile, to_parquet
from genre_batch.catalog.track import Track
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
    rows = _Rows(tracks)
    files: dict[str, str] = {}
    for first in rows:
        data = to_parquet(chain([first], islice(rows, file_rows - 1)))
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
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"rows {start} to {stop} of a listing of {len(self)}")
        tracks: list[Track] = []
        while start < stop:
            number, row = divmod(start, self.info.file_rows)
            piece = self._file(number).rows(row, row + stop - start)
            tracks += piece
            start += len(piece)
        return tracks

    def _file(self, number: int) -> ListingFile:
        if self._open is None or self._open[0] != number:
            uri = join(self._folder_uri, self.info.files[number])
            tracks = min(self.info.file_rows, self.info.tracks - number * self.info.file_rows)
            self._open = number, ListingFile(self._store, uri, tracks)
        return self._open[1]


class _Rows:
    """Tracks on their way into files: counted, and checked to be in order."""

    def __init__(self, tracks: Iterable[Track]) -> None:
        self._tracks = iter(tracks)
        self._last: Track | None = None
        self.count = 0
        self.size_bytes = 0

    def __iter__(self) -> Iterator[Track]:
        return self

    def __next__(self) -> Track:
        track = next(self._tracks)
        if self._last is not None and track.track_id <= self._last.track_id:
            raise ValueError(f"{track.track_id!r} comes after {self._last.track_id!r}: a listing is sorted and unique")
        self._last = track
        self.count += 1
        self.size_bytes += max(0, track.size_bytes)
        return track


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
