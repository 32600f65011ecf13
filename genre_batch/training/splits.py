"""Which tracks are trained on and which are held out: tracks of one group (an artist) are never on both sides."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.errors import UsageError
from genre_batch.notices import warn

Rows = npt.NDArray[np.int64]

Split = Literal["artist", "track", "segment_random", "listed"]
"""What decides the sides. artist: tracks of one artist stay together (a track without a known artist is its own group).
track: artists are ignored. segment_random: every segment is its own group, so that pieces of the same track are on both
sides and the figures leak; it exists to show by how much. listed: by lists of tracks."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One split: row numbers of the labelled tracks, int64, sorted.

    train: [n_train], to learn from. test: [n_test], to measure. valid: [n_valid], to calibrate; empty if the test
    tracks of the other folds serve for that.
    """

    train: Rows
    test: Rows
    valid: Rows = field(default_factory=lambda: np.empty(0, np.int64))


def group_folds(tracks: Sequence[LabelledTrack], folds: int, seed: int) -> list[Fold]:
    """`folds` splits: each track is held out once, with all tracks of its group, genres as even as groups allow.

    The same tracks in the same order with the same seed give the same folds (scikit-learn's StratifiedGroupKFold).
    Raises UsageError if no such split exists.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    _check_splittable(tracks, folds)
    genres = np.array([labelled.genre for labelled in tracks])
    groups = np.array([labelled.group for labelled in tracks])
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return _checked(
        genres, [Fold(np.sort(train), np.sort(test)) for train, test in splitter.split(genres, genres, groups)]
    )


def random_folds(tracks: Sequence[LabelledTrack], folds: int, seed: int) -> list[Fold]:
    """As `group_folds`, with every track a group of its own (scikit-learn's StratifiedKFold)."""
    from sklearn.model_selection import StratifiedKFold

    _check_splittable([replace(labelled, group=labelled.track.track_id) for labelled in tracks], folds)
    genres = np.array([labelled.genre for labelled in tracks])
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return _checked(genres, [Fold(np.sort(train), np.sort(test)) for train, test in splitter.split(genres, genres)])


def listed_fold(tracks: Sequence[LabelledTrack]) -> Fold:
    """The split by each track's `part`, which must be "train", "valid" or "test".

    Raises UsageError if a part is empty, or holds a genre that is not trained on.
    """
    parts = np.array([labelled.part for labelled in tracks])
    train, valid, test = (np.flatnonzero(parts == part) for part in ("train", "valid", "test"))
    fold = Fold(train, test, valid)
    genres = np.array([labelled.genre for labelled in tracks])
    for part, rows in (("train", train), ("valid", valid), ("test", test)):
        if not len(rows):
            raise UsageError(f"the {part} list has no track of the corpus", "compare the lists with the tracks' names")
        unknown = sorted(set(genres[rows]) - set(genres[train]))
        if unknown:
            raise UsageError(
                f"the {part} list has the genre {str(unknown[0])!r}, which the train list does not have",
                "correct the lists",
            )
    return fold


def split_digest(tracks: Sequence[LabelledTrack], folds: Sequence[Fold]) -> str:
    """sha256 over the ids of the held-out tracks of each fold: equal digests mean comparable figures."""
    digest = hashlib.sha256()
    for fold in folds:
        for rows in (fold.test, fold.valid) if len(fold.valid) else (fold.test,):
            held_out = sorted(tracks[row].track.track_id for row in rows)
            digest.update(("\0".join(held_out) + "\0\0").encode(errors="surrogatepass"))
    return digest.hexdigest()


def _check_splittable(tracks: Sequence[LabelledTrack], folds: int) -> None:
    members: dict[str, list[str]] = defaultdict(list)
    for labelled in tracks:
        members[labelled.genre].append(labelled.group)
    if len(members) < 2:
        raise UsageError("the corpus has fewer than two genres", "give a folder with one subfolder for each genre")
    for genre, groups in sorted(members.items()):
        if len(groups) < folds or len(set(groups)) < 2:
            raise UsageError(
                f"genre {genre!r} has {len(groups)} tracks of {len(set(groups))} artists: too few for {folds} folds",
                "add tracks of this genre by other artists, ask for fewer folds, or leave the genre out",
            )


def _checked(genres: npt.NDArray[np.str_], folds: list[Fold]) -> list[Fold]:
    for fold in folds:
        missing = set(genres) - set(genres[fold.train])
        if missing or not len(fold.test):
            what = f"leaves no track of {sorted(missing)} to train on" if missing else "holds out no track"
            raise UsageError(f"a fold {what}", "ask for fewer folds, or add tracks by other artists")
    return folds


class SplitFiles(BaseModel):
    """Text files with the path of one track per line. The suffix and anything before the last folder do not matter."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    train: str = Field(min_length=1)
    valid: str = Field(min_length=1)
    test: str = Field(min_length=1)


def assign_parts(tracks: Sequence[LabelledTrack], files: SplitFiles | None) -> list[LabelledTrack]:
    """The tracks that lists name, each with its `part`; without `files` the corpus itself must have the parts.

    A line names the track with the same file name, with or without the suffix; if there are several, the one in the
    folder of the same name. Lines that match no track are reported on stderr. Raises UsageError if a list cannot be
    read, a line could match several tracks, or a track is in two lists.
    """
    if files is None:
        return [labelled for labelled in tracks if labelled.part]
    by_stem: dict[str, list[LabelledTrack]] = defaultdict(list)
    for labelled in tracks:
        by_stem[_path(labelled).stem].append(labelled)
    found: dict[str, LabelledTrack] = {}
    for part, file in (("train", files.train), ("valid", files.valid), ("test", files.test)):
        lines = _lines(file)
        named_tracks = [(line, _named(line, by_stem, file)) for line in lines]
        unknown = [line for line, named in named_tracks if named is None]
        if unknown:
            warn(f"{len(unknown)} of {len(lines)} lines of {file} match no track here; the first is {unknown[0]!r}")
        for line, named in named_tracks:
            if named is None:
                continue
            before = found.setdefault(named.track.track_id, replace(named, part=part))
            if before.part != part:
                raise UsageError(f"{line!r} is in the {before.part} list and in the {part} list", "correct the lists")
    return [found[labelled.track.track_id] for labelled in tracks if labelled.track.track_id in found]


def _named(line: str, by_stem: dict[str, list[LabelledTrack]], file: str) -> LabelledTrack | None:
    path = PurePosixPath(line)
    candidates = by_stem.get(path.name) or by_stem.get(path.stem, [])
    if len(candidates) > 1:
        candidates = [labelled for labelled in candidates if _path(labelled).parent.name == path.parent.name]
    if len(candidates) > 1:
        raise UsageError(f"{line!r} of {file} could match several tracks", "give the files different names")
    return candidates[0] if candidates else None


def _path(labelled: LabelledTrack) -> PurePosixPath:
    return PurePosixPath(labelled.track.uri)


def _lines(file: str) -> list[str]:
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the list {file} cannot be read: {error}", "give text files with one path per line"
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]
