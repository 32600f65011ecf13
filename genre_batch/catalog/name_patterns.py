"""Which files of a prefix or folder are taken for tracks: glob patterns that include and exclude names."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, BeforeValidator, Field

from genre_batch.catalog.catalog_file import is_catalog_file
from genre_batch.catalog.inventory import is_inventory
from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.storage.uri import encoded_uri, is_s3, local_path
from genre_batch.wording import plural

DEFAULT_PATTERNS = "default"
"""Stands for `NOT_MUSIC` in a list of patterns."""

NO_MATCH = "(no pattern of include)"
"""What the counts of left-out files call those that `include` does not name."""

# not every name with a dot in front: there are the band .38 Special and the song ...Baby One More Time
_SYSTEM_FILES = ("._*", ".DS_Store", ".nomedia", ".directory", "Thumbs.db", "desktop.ini")
_SYSTEM_FOLDERS = (
    *("__MACOSX/", ".AppleDouble/", ".Spotlight-V100/", ".fseventsd/", ".TemporaryItems/", ".Trashes/", ".Trash/"),
    *(".Trash-[0-9]*/", "$RECYCLE.BIN/", "System Volume Information/", "@eaDir/", "#recycle/", ".stversions/", ".git/"),
)
_IMAGES = "jpg jpeg png gif bmp webp tif tiff svg heic ico"
_TEXTS = "txt pdf nfo md rtf doc docx htm html xml json jsonl yaml yml csv tsv parquet log lrc url ini db"
_PLAYLISTS = "cue m3u m3u8 pls xspf wpl"
_SUMS = "sfv md5 sha1 sha256 ffp accurip par2 torrent"
_ARCHIVES = "zip rar 7z tar gz tgz bz2 xz"
NOT_MUSIC = (
    *_SYSTEM_FILES,
    *_SYSTEM_FOLDERS,
    *(f"*.{ending}" for kind in (_IMAGES, _TEXTS, _PLAYLISTS, _SUMS, _ARCHIVES) for ending in kind.split()),
)
"""Files that lie beside music: what operating systems and servers leave there, images, texts, lists, archives."""

_GLOB_PART = re.compile(r"\*\*/?|\*|\?|\[!?\]?[^\]/]+\]|.", re.DOTALL)

_CLASS_SPECIAL = re.compile(r"[\\^\[\]&~|]")


def _as_tuple(patterns: object) -> object:
    """A list of patterns from YAML, or a single one."""
    return (patterns,) if isinstance(patterns, str) else tuple(patterns) if isinstance(patterns, list) else patterns


def _check(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        if not pattern.strip("/") or pattern.startswith("/"):
            raise ValueError(f"{pattern!r} is not a pattern: give a name such as *.wav, or a path below the source")
    return patterns


Globs = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_tuple), AfterValidator(_check)]
"""Glob patterns. `*.wav` matches names of files, `demos/` folders with all they contain, `a/*.wav` paths below the
source. `*` and `?` stop at a slash, `**` does not; upper and lower case are alike. `default` is the default list."""


@dataclass(frozen=True)
class NamePatterns:
    """A file is a track if a pattern of `include` matches it, or there are none, and no pattern of `exclude` does."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def expanded(self) -> "NamePatterns":
        """The same patterns, with `default` replaced by the patterns it means."""
        every = (NOT_MUSIC if pattern == DEFAULT_PATTERNS else (pattern,) for pattern in self.exclude)
        return NamePatterns(self.include, tuple(dict.fromkeys(pattern for some in every for pattern in some)))


class Selection:
    """The tracks of one listing by their names.

    patterns: without `default`. left_out: how many files were not taken, by pattern.
    """

    def __init__(self, patterns: NamePatterns, source: str) -> None:
        self.left_out: Counter[str] = Counter()
        self.patterns = patterns.expanded()
        self._below = _below(source)

    def taken(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows whose column `uri` the patterns allow, in the same order; counts the others."""
        for batch in batches:
            kept = batch
            if self.patterns.include:
                kept = self._split(kept, pc.invert(self._matches(kept, self._included)), (NO_MATCH,))
            if self.patterns.exclude:
                kept = self._split(kept, self._matches(kept, self._excluded), self.patterns.exclude)
            if kept.num_rows:
                yield kept

    def nothing_left(self, source: str) -> UsageError:
        """The error for a source of which every file was left out."""
        return UsageError(
            f"there are no tracks in {source}: {left_out_words(self.left_out)}", "change include or exclude"
        )

    def _split(self, batch: pa.RecordBatch, unwanted: pa.Array, patterns: Sequence[str]) -> pa.RecordBatch:
        """The rows that are not `unwanted`; the others are counted for the first pattern that matches."""
        if not pc.any(unwanted).as_py():
            return batch
        left = batch.filter(unwanted)
        for pattern in patterns:
            found = (
                self._matches(left, self._regex((pattern,))) if pattern != NO_MATCH else pa.array([True] * len(left))
            )
            self.left_out[pattern] += pc.sum(found).as_py() or 0
            left = left.filter(pc.invert(found))
            if not left.num_rows:
                break
        self.left_out += Counter()
        return batch.filter(pc.invert(unwanted))

    @cached_property
    def _included(self) -> str:
        return self._regex(self.patterns.include)

    @cached_property
    def _excluded(self) -> str:
        return self._regex(self.patterns.exclude)

    def _regex(self, patterns: Sequence[str]) -> str:
        return f"(?s)^{self._below}(?:{'|'.join(map(_path_regex, patterns))})$"

    @staticmethod
    def _matches(batch: pa.RecordBatch, regex: str) -> pa.Array:
        return pc.match_substring_regex(batch["uri"], regex, ignore_case=True)


def selection_for(source: str, include: tuple[str, ...], exclude: tuple[str, ...]) -> Selection:
    """The selection by these patterns. The rows of a catalog file are all taken, whatever their names."""
    return Selection(NamePatterns() if is_catalog_file(source) else NamePatterns(include, exclude), source)


def left_out_words(left_out: Mapping[str, int]) -> str:
    """The counts on one line: "17 files left out by name: 12 *.jpg, 5 ._*"."""
    ordered = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    counts = ", ".join(f"{count:,} {printable(pattern)}" for pattern, count in ordered)
    return f"{plural(sum(left_out.values()), 'file')} left out by name: {counts}"


def _below(source: str) -> str:
    """A regular expression of what precedes the path below the source in a URI: below the bucket for an inventory."""
    if is_inventory(source):
        return "s3://[^/]+/"
    if is_s3(source):
        return re.escape(source.rstrip("/") + "/")
    folder = local_path(source).rstrip("/") + "/"
    return f"(?:{re.escape(folder)}|{re.escape(encoded_uri(folder))})"


def _path_regex(pattern: str) -> str:
    """A regular expression of the whole path below the source."""
    if pattern.endswith("/"):
        folder = _glob_regex(pattern.rstrip("/"))
        return f"{'' if '/' in pattern.rstrip('/') else '(?:.*/)?'}{folder}/.*"
    return _glob_regex(pattern) if "/" in pattern else f"(?:.*/)?{_glob_regex(pattern)}"


def _glob_regex(pattern: str) -> str:
    return "".join(_part_regex(part) for part in _GLOB_PART.findall(pattern))


def _part_regex(part: str) -> str:
    special = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    if part in special:
        return special[part]
    if part.startswith("[") and len(part) > 1:
        negated, members = ("^/", part[2:-1]) if part[1] == "!" else ("", part[1:-1])
        return f"[{negated}{_CLASS_SPECIAL.sub(_escaped, members)}]"
    return re.escape(part)


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"
