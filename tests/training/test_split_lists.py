"""Lists name tracks by file name, whatever the suffix and the place; doubts are told."""

from pathlib import Path

import pytest

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.training.split_lists import SplitFiles, parts_of


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
    found = {labelled.track.uri: labelled.part for labelled in parts_of(TRACKS, files)}
    assert found == {
        "/m/blues/blues.00012.flac": "train",
        "s3://b/jazz/jazz.00001.mp3": "test",
        "/m/jazz/7.flac": "train",
        "/m/rock/7.flac": "valid",
    }


def test_without_lists_the_corpus_says_the_parts() -> None:
    said = [track("/m/a/1", "train"), track("/m/a/2"), track("/m/a/3", "test")]
    assert parts_of(said, None) == [said[0], said[2]]


def test_a_name_that_could_mean_several_tracks_is_refused(tmp_path: Path) -> None:
    tracks = [track("/m/rock/7.flac"), track("/m/rock/7.mp3")]
    with pytest.raises(UsageError, match="could mean several"):
        parts_of(tracks, lists(tmp_path, "rock/7.wav"))


def test_a_track_in_two_lists_is_refused(tmp_path: Path) -> None:
    files = lists(tmp_path, "blues/blues.00012.wav", test="blues/blues.00012.mp3")
    with pytest.raises(UsageError, match="in the train list and in the test list"):
        parts_of(TRACKS, files)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    files = SplitFiles(train=str(tmp_path / "no"), valid="v", test="t")
    with pytest.raises(UsageError, match="cannot be read"):
        parts_of(TRACKS, files)


def test_a_suffix_may_be_missing_and_lines_without_a_track_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = [track("/music/blues/blues.00000.flac"), track("/music/jazz/jazz.00001.flac")]
    files = lists(tmp_path, train="blues/blues.00000\n", test="jazz/jazz.00001.wav\njazz/jazz.00002.wav\n")
    assert [labelled.part for labelled in parts_of(tracks, files)] == ["train", "test"]
    assert "1 of 2 lines" in capsys.readouterr().err
