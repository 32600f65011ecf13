"""A corpus with other genres is measured in the model's words."""

from pathlib import Path

import pytest

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError
from genre_batch.evaluation.genre_map import map_genres, read_genre_map

KNOWN = ["hiphop", "jazz"]


def tracks(*genres: str) -> list[LabelledTrack]:
    return [
        LabelledTrack(Track(str(number), f"/{number}", "", 1), genre, f"artist:{number}")
        for number, genre in enumerate(genres)
    ]


def test_genres_are_renamed_left_out_or_kept(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text("Hip Hop: hiphop\nSpoken: null\n")
    found = map_genres(tracks("Hip Hop", "Spoken", "jazz"), read_genre_map(str(file)), KNOWN)
    assert [(labelled.track.track_id, labelled.genre) for labelled in found] == [("0", "hiphop"), ("2", "jazz")]


@pytest.mark.parametrize(("genre_map", "words"), [({"a": "polka"}, "'polka'"), ({"Folk": "jazz"}, "'Folk'")])
def test_a_map_of_other_genres_is_refused(genre_map: dict[str, str | None], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        map_genres(tracks("a"), genre_map, KNOWN)


@pytest.mark.parametrize("text", ["[a, b]", "a: 1", "a: [", "a: {b: c}", None])
def test_what_is_not_a_map_is_refused(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match="map of genres"):
        read_genre_map(str(file))
