"""Splits never put one artist on both sides, are the same for the same seed, and refuse what cannot be split."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.training.splits import (
    Fold,
    SplitFiles,
    assign_parts,
    group_folds,
    listed_fold,
    random_folds,
    split_digest,
)


def corpus(artists: dict[str, list[int]]) -> list[LabelledTrack]:
    """`artists[genre]` holds how many tracks each of its artists made."""
    return [
        LabelledTrack(
            Track(f"{genre}-{artist}-{n}", f"/music/{genre}-{artist}-{n}.wav", "etag", 1), genre, f"{genre}{artist}"
        )
        for genre, counts in artists.items()
        for artist, count in enumerate(counts)
        for n in range(count)
    ]


counts = st.lists(st.integers(1, 6), min_size=4, max_size=12)


@settings(max_examples=50)
@given(a=counts, b=counts, c=counts, folds=st.integers(2, 3), seed=st.integers(0, 1000))
def test_no_artist_is_on_both_sides_and_every_track_is_held_out_once(
    a: list[int], b: list[int], c: list[int], folds: int, seed: int
) -> None:
    tracks = corpus({"a": a, "b": b, "c": c})
    held_out: Counter[int] = Counter()
    for fold in group_folds(tracks, folds, seed):
        train, test = ({tracks[row].group for row in rows} for rows in (fold.train, fold.test))
        assert not train & test
        assert sorted([*fold.train, *fold.test]) == list(range(len(tracks)))
        assert {tracks[row].genre for row in fold.train} == {"a", "b", "c"}
        held_out.update(int(row) for row in fold.test)
    assert held_out == Counter(range(len(tracks)))


def test_genres_are_spread_over_the_folds() -> None:
    tracks = corpus({"a": [1] * 40, "b": [1] * 20})
    for fold in group_folds(tracks, 5, 0):
        assert Counter(tracks[row].genre for row in fold.test) == {"a": 8, "b": 4}


def test_the_seed_decides_the_split_and_the_digest_tells_splits_apart() -> None:
    tracks = corpus({"a": [2, 1, 3, 1, 2], "b": [1] * 9})
    first, again, other = (split_digest(tracks, group_folds(tracks, 3, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 64


def test_the_digest_does_not_depend_on_the_order_of_the_tracks() -> None:
    tracks = corpus({"a": [1] * 4, "b": [1] * 4})
    folds = group_folds(tracks, 2, 0)
    where = {labelled.track.track_id: row for row, labelled in enumerate(reversed(tracks))}
    moved = [
        type(fold)(*(np.array([where[tracks[row].track.track_id] for row in rows]) for rows in (fold.train, fold.test)))
        for fold in folds
    ]
    assert split_digest(tracks[::-1], moved) == split_digest(tracks, folds)


@pytest.mark.parametrize(
    ("artists", "message"),
    [
        ({"a": [3, 3]}, "fewer than two genres"),
        ({"a": [1] * 5, "b": [1, 1]}, "genre 'b' has 2 tracks of 2 artists"),
        ({"a": [1] * 5, "b": [9]}, "genre 'b' has 9 tracks of 1 artists"),
    ],
)
def test_a_corpus_that_cannot_be_split_is_refused(artists: dict[str, list[int]], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        group_folds(corpus(artists), 3, 0)
    assert raised.value.hint


def test_random_folds_hold_each_track_out_once_and_do_not_look_at_artists() -> None:
    tracks = corpus({"a": [20, 1], "b": [21]})
    folds = random_folds(tracks, 3, 0)
    assert sorted(row for fold in folds for row in fold.test) == list(range(42))
    for fold in folds:
        assert Counter(tracks[row].genre for row in fold.test) == {"a": 7, "b": 7}
        assert {tracks[row].group for row in fold.train} & {tracks[row].group for row in fold.test}
    again = random_folds(tracks, 3, 0)
    assert all(np.array_equal(fold.test, other.test) for fold, other in zip(folds, again, strict=True))
    with pytest.raises(UsageError, match="too few for 30 folds"):
        random_folds(tracks, 30, 0)


def with_parts(parts: dict[str, str]) -> list[LabelledTrack]:
    """`parts[genre]` holds a letter for the part of each track."""
    names = {"t": "train", "v": "valid", "s": "test"}
    return [
        LabelledTrack(Track(f"{genre}{n}", f"/{genre}{n}", "etag", 1), genre, f"{genre}{n}", names[letter])
        for genre, letters in parts.items()
        for n, letter in enumerate(letters)
    ]


def test_a_listed_split_follows_the_parts_of_the_tracks() -> None:
    tracks = with_parts({"a": "tvs", "b": "ttsv"})
    fold = listed_fold(tracks)
    assert [rows.tolist() for rows in (fold.train, fold.valid, fold.test)] == [[0, 3, 4], [1, 6], [2, 5]]
    moved = Fold(fold.train, fold.test, fold.valid[:1])
    assert split_digest(tracks, [fold]) != split_digest(tracks, [moved])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"a": "ttv", "b": "tv"}, "test list has no track"),
        ({"a": "tts", "b": "ts"}, "valid list has no track"),
        ({"a": "tvs", "b": "vss"}, "valid list has the genre 'b', which the train list does not have"),
    ],
)
def test_a_list_that_cannot_be_learned_or_measured_with_is_refused(parts: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        listed_fold(with_parts(parts))


def track(uri: str, part: str = "") -> LabelledTrack:
    return LabelledTrack(Track(f"id of {uri}", uri, "etag", 1), uri.split("/")[-2], uri, part)


TRACKS = [
    track(uri)
    for uri in ("/m/blues/blues.00012.flac", "s3://b/jazz/jazz.00001.mp3", "/m/jazz/7.flac", "/m/rock/7.flac", "/m/x/y")
]


def lists(folder: Path, train: str = "", valid: str = "", test: str = "") -> SplitFiles:
    for name, text in (("train", train), ("valid", valid), ("test", test)):
        (folder / name).write_text(text)
    return SplitFiles(**{name: str(folder / name) for name in ("train", "valid", "test")})


def test_tracks_are_found_by_stem_and_where_that_is_not_enough_by_folder(tmp_path: Path) -> None:
    files = lists(tmp_path, "blues/blues.00012.wav\n\njazz/7.au\n", "rock/7.au\nrock/unknown.wav", "jazz.00001.wav\n")
    found = {labelled.track.uri: labelled.part for labelled in assign_parts(TRACKS, files)}
    assert found == {
        "/m/blues/blues.00012.flac": "train",
        "s3://b/jazz/jazz.00001.mp3": "test",
        "/m/jazz/7.flac": "train",
        "/m/rock/7.flac": "valid",
    }


def test_without_lists_the_corpus_has_the_parts() -> None:
    said = [track("/m/a/1", "train"), track("/m/a/2"), track("/m/a/3", "test")]
    assert assign_parts(said, None) == [said[0], said[2]]


def test_a_name_that_could_match_several_tracks_is_refused(tmp_path: Path) -> None:
    tracks = [track("/m/rock/7.flac"), track("/m/rock/7.mp3")]
    with pytest.raises(UsageError, match="could match several"):
        assign_parts(tracks, lists(tmp_path, "rock/7.wav"))


def test_a_track_in_two_lists_is_refused(tmp_path: Path) -> None:
    files = lists(tmp_path, "blues/blues.00012.wav", test="blues/blues.00012.mp3")
    with pytest.raises(UsageError, match="in the train list and in the test list"):
        assign_parts(TRACKS, files)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    files = SplitFiles(train=str(tmp_path / "no"), valid="v", test="t")
    with pytest.raises(UsageError, match="cannot be read"):
        assign_parts(TRACKS, files)


def test_a_suffix_may_be_missing_and_lines_without_a_track_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = [track("/music/blues/blues.00000.flac"), track("/music/jazz/jazz.00001.flac")]
    files = lists(tmp_path, train="blues/blues.00000\n", test="jazz/jazz.00001.wav\njazz/jazz.00002.wav\n")
    assert [labelled.part for labelled in assign_parts(tracks, files)] == ["train", "test"]
    assert "1 of 2 lines" in capsys.readouterr().err
