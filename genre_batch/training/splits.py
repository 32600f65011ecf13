"""Which tracks are trained on and which are held out: tracks of one group (an artist) never stand on both sides."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.errors import UsageError

Rows = npt.NDArray[np.int64]

Split = Literal["artist", "track", "segment_random", "listed"]
"""What decides the sides. artist: tracks of one artist stay together (a track of no known artist stands for itself).
track: artists are not looked at. segment_random: every segment stands for itself, so that pieces of one track are on
both sides and the figures leak; it exists to show by how much. listed: lists that are given."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One split: row numbers of the labelled tracks, int64, sorted.

    train: [n_train], learned from. test: [n_test], measured on. valid: [n_valid], calibrated on; empty where the test
    tracks of the other folds serve for that.
    """

    train: Rows
    test: Rows
    valid: Rows = field(default_factory=lambda: np.empty(0, np.int64))


def group_folds(tracks: Sequence[LabelledTrack], folds: int, seed: int) -> list[Fold]:
    """`folds` splits; each track is held out once, with all tracks of its group, genres as even as groups allow.

    The same tracks in the same order with the same seed give the same folds (scikit-learn's StratifiedGroupKFold).
    Raises UsageError where no honest split exists.
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
    """The split that the tracks' own `part` says; each must have one of "train", "valid" and "test".

    Raises UsageError where a part is empty, or holds a genre that is not trained on.
    """
    parts = np.array([labelled.part for labelled in tracks])
    train, valid, test = (np.flatnonzero(parts == part) for part in ("train", "valid", "test"))
    fold = Fold(train, test, valid)
    genres = np.array([labelled.genre for labelled in tracks])
    for part, rows in (("train", train), ("valid", valid), ("test", test)):
        if not len(rows):
            raise UsageError(
                f"the {part} list has no track of the corpus", "look at the lists, and at the tracks' names"
            )
        unknown = sorted(set(genres[rows]) - set(genres[train]))
        if unknown:
            raise UsageError(
                f"the {part} list has the genre {str(unknown[0])!r}, and the train list has not", "mend the lists"
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
