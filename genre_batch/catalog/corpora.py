"""Corpora: tracks with a genre, for training and evaluation."""

import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from genre_batch.catalog.catalog_file import CatalogRow, is_catalog_file, resolved, tracks_of
from genre_batch.catalog.fma_layout import METADATA_FILE, fma_audio, read_fma_metadata
from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.source import folder_of, user_errors
from genre_batch.catalog.text_rows import TextRow, read_rows
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.storage.open_store import absolute, join, open_store
from genre_batch.storage.store import StorageError, StoredObject
from genre_batch.wording import plural

LABELLED_FILE = "labelled.parquet"
"""The labelled listing in a folder that `index --labelled` wrote."""

_TRACKS_FILE = "tracks.csv"
_LAYOUT_HINT = "give a folder with one sub-folder per genre, or a CSV or Parquet file with the columns uri and genre"
_SPLIT_COLUMNS = ("split", "fault_filtered_split")
_ARTIST_COLUMNS = ("artist_group", "artist")
_PARTS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "test": "test"}
_ARTIST = "artist:"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelledTrack:
    """A track and its genre. All tracks of one `group` (an artist) are on the same side of a split.

    part: "train", "valid" or "test" if the corpus defines its own split, else "".
    """

    track: Track
    genre: str
    group: str
    part: str = ""

    @property
    def artist(self) -> str:
        """The artist, or "" if the corpus does not name one."""
        return self.group.removeprefix(_ARTIST) if self.group.startswith(_ARTIST) else ""


def read_corpus(source: str) -> list[LabelledTrack]:
    """The tracks of a corpus, sorted by track_id.

    source is one of:
    - a local or S3 folder with one sub-folder per genre, as GTZAN is laid out. A `tracks.csv` in it, if any, has the
      columns path and genre, and optionally track_id, artist (or artist_group, which comes first) and split;
    - a folder with `fma_metadata/` and audio in the layout of FMA;
    - a CSV or Parquet file with the columns uri and genre, and optionally the same;
    - a folder in which `index --labelled` wrote such a file.

    A track without a track_id is identified by its path relative to the corpus, which is the same on every machine.
    Raises UserError if the source cannot be read, tracks that it names are missing, or it has fewer than two genres.
    """
    with user_errors():
        open_store(source)
        tracks = list(_from_file(absolute(source)) if is_catalog_file(source) else _from_folder(folder_of(source)))
    _check_labels(tracks, source)
    return sorted(tracks, key=lambda labelled: labelled.track.track_id)


def _from_folder(folder: str) -> Iterator[LabelledTrack]:
    found = {_relative(stored.uri, folder): stored for stored in open_store(folder).list(folder)}
    if LABELLED_FILE in found:
        return _from_file(join(folder, LABELLED_FILE))
    if METADATA_FILE in found:
        return _from_fma(found, join(folder, METADATA_FILE))
    if _TRACKS_FILE in found:
        return _from_tracks_file(found, join(folder, _TRACKS_FILE))
    return _from_layout(found)


def _from_layout(found: dict[str, StoredObject]) -> Iterator[LabelledTrack]:
    """All objects in sub-folders, except hidden ones. Objects beside the sub-folders are not tracks."""
    for path, stored in found.items():
        folders = path.split("/")
        if len(folders) > 1 and folders[-1] and not any(name.startswith(".") for name in folders):
            yield _labelled(Track(path, stored.uri, stored.etag, stored.size_bytes), folders[0])


def _from_tracks_file(found: dict[str, StoredObject], uri: str) -> Iterator[LabelledTrack]:
    missing = []
    for row in read_rows(uri, ("path", "genre"), ["track_id", *_ARTIST_COLUMNS, *_SPLIT_COLUMNS]):
        path = row.cells["path"]
        if path in found:
            stored = found[path]
            track = Track(row.cells.get("track_id") or path, stored.uri, stored.etag, stored.size_bytes)
            yield _labelled(track, _genre(row, uri), _first(row, _ARTIST_COLUMNS), _first(row, _SPLIT_COLUMNS))
        else:
            missing.append(path)
    _check_missing(missing, uri)


def _from_fma(found: dict[str, StoredObject], uri: str) -> Iterator[LabelledTrack]:
    """Tracks that have audio and a top genre; a warning reports how many have no top genre."""
    metadata, without = read_fma_metadata(uri), 0
    for number, path in fma_audio(found).items():
        known, stored = metadata.get(number), found[path]
        if known is None or not known.genre:
            without += 1
            continue
        track = Track(f"{number:06d}", stored.uri, stored.etag, stored.size_bytes)
        yield _labelled(track, known.genre, known.artist, known.split)
    if without:
        _LOG.warning("left out %s without a top genre in %s", plural(without, "track"), METADATA_FILE)


def _from_file(uri: str) -> Iterator[LabelledTrack]:
    optional = ["track_id", *_ARTIST_COLUMNS, "etag", "size_bytes", *_SPLIT_COLUMNS]
    rows = list(read_rows(uri, ("uri", "genre"), optional))
    for row, track in zip(rows, _tracks_of_rows(rows, uri), strict=True):
        yield _labelled(track, _genre(row, uri), _first(row, _ARTIST_COLUMNS), _first(row, _SPLIT_COLUMNS))


def _tracks_of_rows(rows: Sequence[TextRow], uri: str) -> list[Track]:
    named = [CatalogRow(row.cells.get("track_id") or row.cells["uri"], resolved(row, "uri", uri)) for row in rows]
    known = [(row.cells.get("etag", ""), row.cells.get("size_bytes", "")) for row in rows]
    if all(etag and size.isdecimal() for etag, size in known):
        return [Track(n.track_id, n.uri, etag, int(size)) for n, (etag, size) in zip(named, known, strict=True)]
    tracks = list(tracks_of(named))
    _check_missing([track.uri for track in tracks if track.size_bytes < 0], uri)
    return tracks


def _labelled(track: Track, genre: str, artist: str = "", split: str = "") -> LabelledTrack:
    artist = artist.strip()
    group = f"{_ARTIST}{artist}" if artist else f"track:{track.track_id}"
    return LabelledTrack(track, genre, group, _PARTS.get(split.strip().lower(), ""))


def _first(row: TextRow, columns: Sequence[str]) -> str:
    """What the row has in the first of these columns that is not empty."""
    return next(filter(None, (row.cells.get(column, "").strip() for column in columns)), "")


def _genre(row: TextRow, uri: str) -> str:
    genre = row.cells["genre"].strip()
    if not genre:
        raise UsageError(f"{uri!r}, {row.place}: there is no genre.", "add one, or remove the row")
    return genre


def _relative(uri: str, folder: str) -> str:
    """The path of an object relative to the folder; if it is not UTF-8, it stays percent-encoded."""
    return uri.removeprefix("file://" + quote(folder) if uri.startswith("file://") else folder)


def _check_missing(uris: list[str], corpus: str) -> None:
    if uris:
        raise UsageError(
            f"{len(uris)} tracks that {corpus!r} names are missing or cannot be read; the first is {uris[0]!r}.",
            "restore them, or remove their rows",
        )


def _check_labels(tracks: Iterable[LabelledTrack], source: str) -> None:
    seen: set[str] = set()
    for labelled in tracks:
        if labelled.track.track_id in seen:
            raise UsageError(f"{source!r} has two tracks with the id {labelled.track.track_id!r}.", "make ids unique")
        seen.add(labelled.track.track_id)
    genres = {labelled.genre for labelled in tracks}
    if len(genres) < 2:
        found = f"only the genre {genres.pop()!r}" if genres else "no tracks with a genre"
        raise UsageError(f"{source!r} has {found}.", _LAYOUT_HINT)


def labelled_file(output: str) -> str:
    """The file to write for `output`: `output` itself if it ends with `.parquet`, else a file in that folder."""
    return output if output.lower().endswith(".parquet") else join(output, LABELLED_FILE)


def labelled_parquet(tracks: Sequence[LabelledTrack]) -> bytes:
    """A Parquet file with uri, track_id, genre, artist ("" if unknown), etag, size_bytes and split.

    The same tracks give the same bytes. Thanks to the etags, training reads exactly the versions that were listed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "uri": [labelled.track.uri for labelled in tracks],
        "track_id": [labelled.track.track_id for labelled in tracks],
        "genre": [labelled.genre for labelled in tracks],
        "artist": [labelled.artist for labelled in tracks],
        "etag": [labelled.track.etag for labelled in tracks],
        "split": [labelled.part for labelled in tracks],
    }
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    sizes = pa.array([labelled.track.size_bytes for labelled in tracks], pa.int64())
    buffer = io.BytesIO()
    pq.write_table(table.append_column("size_bytes", sizes), buffer)
    return buffer.getvalue()


def read_track(labelled: LabelledTrack) -> bytes:
    """The bytes of a track. Raises TrackRejected if they cannot be read."""
    uri = labelled.track.uri
    try:
        return open_store(uri).read(uri, etag=labelled.track.etag or None)
    except StorageError as error:
        raise TrackRejected(RejectReason.READ_FAILED, RejectStage.READ, str(error)) from error
