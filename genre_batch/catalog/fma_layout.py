"""The layout of FMA: `fma_metadata/tracks.csv` beside audio in folders such as `fma_small/000/000002.mp3`.

Defferrard et al., "FMA: A Dataset for Music Analysis", ISMIR 2017; https://github.com/mdeff/fma.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

from genre_batch.errors import UsageError
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.open_store import open_store

METADATA_FILE = "fma_metadata/tracks.csv"

_HEADER_LINES = 3
_GENRE, _ARTIST, _SPLIT = ("track", "genre_top"), ("artist", "id"), ("set", "split")
_AUDIO = re.compile(r"(?:.*/)?[0-9]{3}/[0-9]{6}\.[A-Za-z0-9]+")
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FmaTrack:
    """The metadata of a track. genre: its top genre, or "". split: as FMA defines it, e.g. "test"."""

    genre: str
    artist: str
    split: str


def fma_audio(paths: Iterable[str]) -> dict[int, str]:
    """The audio files among `paths` by track number; if a number occurs twice, the first path in sorted order."""
    found: dict[int, str] = {}
    for path in sorted(paths):
        if _AUDIO.fullmatch(path):
            found.setdefault(int(PurePosixPath(path).stem), path)
    return found


def read_fma_metadata(uri: str) -> dict[int, FmaTrack]:
    """The tracks of FMA's tracks.csv by number.

    The first two lines hold the two parts of each column name; the third names the index. Raises UsageError if the file
    has another layout, and what the store raises.
    """
    import pyarrow as pa
    import pyarrow.csv as pv

    names = _column_names(uri)
    wanted = ["track_id", *map(".".join, (_GENRE, _ARTIST, _SPLIT))]
    try:
        with ObjectFile(open_store(uri), uri) as file:
            table = pv.read_csv(
                pa.PythonFile(file, mode="r"),
                # artist biographies contain line breaks
                parse_options=pv.ParseOptions(newlines_in_values=True),
                read_options=pv.ReadOptions(skip_rows=_HEADER_LINES, column_names=names),
                convert_options=pv.ConvertOptions(
                    include_columns=wanted,
                    column_types={"track_id": pa.int64()} | dict.fromkeys(wanted[1:], pa.string()),
                ),
            )
    except pa.ArrowException as error:
        raise _not_fma(uri, str(error)) from error
    columns = (table.column(name).to_pylist() for name in wanted)
    return {
        number: FmaTrack(genre or "", artist or "", split or "")
        for number, genre, artist, split in zip(*columns, strict=True)
    }


def _column_names(uri: str) -> list[str]:
    with io.TextIOWrapper(io.BufferedReader(ObjectFile(open_store(uri), uri), _READ_BYTES), "utf-8-sig") as file:
        try:
            header = list(islice(csv.reader(file), _HEADER_LINES))
        except (csv.Error, UnicodeDecodeError) as error:
            raise _not_fma(uri, str(error)) from error
    if len(header) < _HEADER_LINES or header[2][:1] != ["track_id"]:
        raise _not_fma(uri, "its third line does not begin with track_id")
    pairs = list(zip(header[0][1:], header[1][1:], strict=False))
    for column in (_GENRE, _ARTIST, _SPLIT):
        if column not in pairs:
            raise _not_fma(uri, f"it has no column {column}")
    return ["track_id", *map(".".join, pairs)]


def _not_fma(uri: str, why: str) -> UsageError:
    return UsageError(f"{uri!r} is not the tracks.csv of FMA: {why}.", "unpack fma_metadata.zip again")
