"""Corpora: tracks with a genre, for training and evaluation."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from genre_batch.catalog.catalog_file import CatalogRow, is_catalog_file, resolved
from genre_batch.catalog.fma_layout import METADATA_FILE, fma_audio, read_fma_metadata
from genre_batch.catalog.object_heads import tracks_of
from genre_batch.catalog.source import explained, folder_of
from genre_batch.catalog.text_rows import TextRow, read_rows
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.storage.open_store import absolute, join, open_store
from genre_batch.storage.store import StoredObject

LABELLED_FILE = "labelled.parquet"
"""The labelled listing in a folder that `index --labelled` wrote."""

_TRACKS_FILE = "tracks.csv"
_LAYOUT_HINT = "give a folder with one sub-folder for each genre, or a CSV or Parquet file with columns uri and genre"
_SPLIT_COLUMNS = ("split", "fault_filtered_split")
_PARTS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "test": "test"}
_ARTIST = "artist:"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelledTrack:
    """A track and its genre. Tracks of one `group` (an artist) are never both trained on and held out.

    part: "train", "valid" or "test" where the corpus says itself how it is to be split, else "".
    """

    track: Track
    genre: str
    group: str
    part: str = ""

    @property
    def artist(self) -> str:
        """The artist that the corpus names, or ""."""
        return self.group.removeprefix(_ARTIST) if self.group.startswith(_ARTIST) else ""


def read_corpus(source: str) -> list[LabelledTrack]:
    """The tracks of a corpus, sorted by track_id.

    source: a local or S3 folder with one sub-folder for each genre (as GTZAN is laid out), whose `tracks.csv`, if
    there is one, says more: columns path and genre, perhaps track_id, artist_group and split. Or a folder with
    `fma_metadata/` and audio as FMA lays it out. Or a CSV or Parquet file with columns uri and genre, perhaps
    track_id, artist and split, or a folder in which `index --labelled` wrote such a file. Ids that are not given are
    paths relative to the corpus, so that they are the same on every machine. Raises UserError where the source cannot
    be read, tracks that it names are missing, or there are not at least two genres.
    """
    with explained():
        open_store(source)
        tracks = list(_from_file(absolute(source)) if is_catalog_file(source) else _from_folder(folder_of(source)))
    _check(tracks, source)
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
    """All objects in sub-folders; hidden ones, and what lies beside the sub-folders, are no tracks."""
    for path, stored in found.items():
        folders = path.split("/")
        if len(folders) > 1 and folders[-1] and not any(name.startswith(".") for name in folders):
            yield _labelled(Track(path, stored.uri, stored.etag, stored.size_bytes), folders[0])


def _from_tracks_file(found: dict[str, StoredObject], uri: str) -> Iterator[LabelledTrack]:
    missing = []
    for row in read_rows(uri, ("path", "genre"), ["track_id", "artist_group", *_SPLIT_COLUMNS]):
        path = row.cells["path"]
        if path in found:
            stored = found[path]
            track = Track(row.cells.get("track_id") or path, stored.uri, stored.etag, stored.size_bytes)
            yield _labelled(track, _genre(row, uri), row.cells.get("artist_group", ""), _split(row))
        else:
            missing.append(path)
    _check_missing(missing, uri)


def _from_fma(found: dict[str, StoredObject], uri: str) -> Iterator[LabelledTrack]:
    """Tracks whose audio is there and that have a top genre; what has none is counted and told."""
    metadata, without = read_fma_metadata(uri), 0
    for number, path in fma_audio(found).items():
        known, stored = metadata.get(number), found[path]
        if known is None or not known.genre:
            without += 1
            continue
        track = Track(f"{number:06d}", stored.uri, stored.etag, stored.size_bytes)
        yield _labelled(track, known.genre, known.artist, known.split)
    if without:
        _LOG.warning("%d tracks have no top genre in %s: left out", without, METADATA_FILE)


def _from_file(uri: str) -> Iterator[LabelledTrack]:
    optional = ["track_id", "artist", "etag", "size_bytes", *_SPLIT_COLUMNS]
    rows = list(read_rows(uri, ("uri", "genre"), optional))
    for row, track in zip(rows, _tracks(rows, uri), strict=True):
        yield _labelled(track, _genre(row, uri), row.cells.get("artist", ""), _split(row))


def _tracks(rows: Sequence[TextRow], uri: str) -> list[Track]:
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


def _split(row: TextRow) -> str:
    return next(filter(None, (row.cells.get(column, "") for column in _SPLIT_COLUMNS)), "")


def _genre(row: TextRow, uri: str) -> str:
    genre = row.cells["genre"].strip()
    if not genre:
        raise UsageError(f"{uri!r}, {row.place}: there is no genre.", "name one, or leave the row out")
    return genre


def _relative(uri: str, folder: str) -> str:
    """The path of an object in the folder; it stays percent-encoded where it is not UTF-8."""
    return uri.removeprefix("file://" + quote(folder) if uri.startswith("file://") else folder)


def _check_missing(uris: list[str], corpus: str) -> None:
    if uris:
        raise UsageError(
            f"{len(uris)} tracks that {corpus!r} names are missing or cannot be read, the first one is {uris[0]!r}.",
            "bring them back, or leave their rows out",
        )


def _check(tracks: Iterable[LabelledTrack], source: str) -> None:
    seen: set[str] = set()
    for labelled in tracks:
        if labelled.track.track_id in seen:
            raise UsageError(f"{source!r} has two tracks with the id {labelled.track.track_id!r}.", "make ids unique")
        seen.add(labelled.track.track_id)
    genres = {labelled.genre for labelled in tracks}
    if len(genres) < 2:
        found = f"only the genre {genres.pop()!r}" if genres else "no track with a genre"
        raise UsageError(f"There is {found} in {source!r}.", _LAYOUT_HINT)
