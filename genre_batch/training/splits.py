"""Which tracks are trained on and which are held out: tracks of one group (an artist) never stand on both sides."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.errors import UsageError

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """One split: `train` and `test` are row numbers of the labelled tracks, [n_train] and [n_test] int64, sorted."""

    train: Rows
    test: Rows


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
    splits = [Fold(np.sort(train), np.sort(test)) for train, test in splitter.split(genres, genres, groups)]
    for fold in splits:
        _check_complete(genres, fold)
    return splits


def split_digest(tracks: Sequence[LabelledTrack], folds: Sequence[Fold]) -> str:
    """sha256 over the ids of the held-out tracks of each fold: equal digests mean comparable figures."""
    digest = hashlib.sha256()
    for fold in folds:
        held_out = sorted(tracks[row].track.track_id for row in fold.test)
        digest.update(("\0".join(held_out) + "\0\0").encode())
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


def _check_complete(genres: npt.NDArray[np.str_], fold: Fold) -> None:
    missing = set(genres) - set(genres[fold.train])
    if missing or not len(fold.test):
        what = f"leaves no track of {sorted(missing)} to train on" if missing else "holds out no track"
        raise UsageError(f"a fold {what}", "ask for fewer folds, or add tracks by other artists")
