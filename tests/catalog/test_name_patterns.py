"""Which names are tracks: what lies beside music is left out, counted, and never anything else."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from genre_batch.catalog.name_patterns import NO_MATCH, NOT_MUSIC, Globs, Selection, left_out_words, selection_for

DEFAULT = ("default",)
NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=8)
PARTS = st.lists(st.sampled_from(["*", "?", "a", "B", ".", "[ab]", "[!a]", "-", "é", " ", "#", "\n"]), max_size=5)


def taken(
    names: Sequence[str], include: tuple[str, ...] = (), exclude: tuple[str, ...] = DEFAULT, source: str = "s3://b/m"
) -> tuple[list[str], Selection]:
    selection = selection_for(source, include, exclude)
    folder = source.rstrip("/") + "/"
    batches: Iterator[pa.RecordBatch] = iter(
        [pa.record_batch({"uri": pa.array([folder + name for name in names], pa.string())})]
    )
    found = [uri for batch in selection.taken(batches) for uri in batch["uri"].to_pylist()]
    return [uri.removeprefix(folder) for uri in found], selection


def test_by_default_what_lies_beside_music_is_left_out_and_counted() -> None:
    music = ["a.mp3", "b.FLAC", "no ending", "x/c.wav", "jpg", "a.jpg.ogg", "d.opus", "e.mid", "a.txt/f.mp3"]
    music += [".38 Special/hold on.mp3", "...baby one more time.mp3", "../up.ogg", ".hidden.mp3"]
    beside = {
        "._a.mp3": "._*",
        "x/._c.wav": "._*",
        ".DS_Store": ".DS_Store",
        ".Trash/a.mp3": ".Trash/",
        ".Trash-1000/files/a.mp3": ".Trash-[0-9]*/",
        "x/__MACOSX/y/a.mp3": "__MACOSX/",
        "@eaDir/a.mp3/cover": "@eaDir/",
        "THUMBS.DB": "Thumbs.db",
        "Cover.JPG": "*.jpg",
        "album.cue": "*.cue",
        "list.m3u": "*.m3u",
        "all.tar.gz": "*.gz",
        "index.json": "*.json",
    }
    names, selection = taken([*music, *beside])
    assert names == music
    assert selection.left_out == {pattern: list(beside.values()).count(pattern) for pattern in beside.values()}
    assert left_out_words({"*.jpg": 12, "._*": 1_000}) == "1,012 files left out by name: 1,000 ._*, 12 *.jpg"


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.wav", ["a.wav", "x/y/A.WAV", "\n.wav"], ["a.wav.mp3", "wav"]),
        ("demos/", ["demos/a", "x/Demos/y/a"], ["demos", "mydemos/a"]),
        ("live/*.wav", ["live/a.wav"], ["live/x/a.wav", "x/live/a.wav"]),
        ("live/**/*.wav", ["live/a.wav", "live/x/y/a.wav"], ["x/live/a.wav"]),
        ("live/**", ["live/a", "live/x/a"], ["x/live/a", "live"]),
        ("a/b/", ["a/b/c", "a/b/c/d"], ["x/a/b/c", "a/b"]),
        ("track [[]?].mp3", ["track [1].mp3"], ["track 1.mp3", "track [12].mp3"]),
        ("[!a-c].mp3", ["d.mp3", "x/e.mp3"], ["a.mp3", "C.mp3"]),
        ("[&~|^-].mp3", ["&.mp3", "^.mp3", "-.mp3"], ["a.mp3"]),
        ("(a|b)+{1}$.mp3", ["(a|b)+{1}$.mp3"], ["a.mp3"]),
    ],
)
def test_each_kind_of_pattern(pattern: str, matching: list[str], others: list[str]) -> None:
    assert taken(matching + others, (), (pattern,))[0] == others
    names, selection = taken(matching + others, (pattern,), ())
    assert names == matching
    assert selection.left_out == {NO_MATCH: len(others)}


@given(NAMES, PARTS)
def test_a_name_matches_as_in_a_shell(name: str, parts: list[str]) -> None:
    pattern = "".join(["x", *parts])
    name = f"x{name}"
    expected = fnmatchcase(name, pattern)
    if name == name.lower() and name.isascii() and pattern == pattern.lower():  # here case is always ignored
        assert (taken([name], (), (pattern,))[0] == []) == expected


def test_include_comes_before_exclude_and_default_stands_for_its_list() -> None:
    names, selection = taken(["a.flac", "b.flac", "c.mp3", "._d.flac"], ("*.flac",), ("default", "b.*"))
    assert names == ["a.flac"]
    assert selection.left_out == {NO_MATCH: 1, "b.*": 1, "._*": 1}
    assert selection.patterns.exclude == (*NOT_MUSIC, "b.*")


def test_folders_above_the_source_do_not_count() -> None:
    assert taken(["a.mp3"], source="/home/me/.music")[0] == ["a.mp3"]
    assert taken(["a.mp3"], ("me/*",), (), source="/home/me")[0] == []


def test_the_rows_of_a_catalog_file_are_all_taken() -> None:
    selection = selection_for("s3://b/list.csv", (), DEFAULT)
    batch = pa.record_batch({"uri": ["s3://b/cover.jpg"]})
    assert list(selection.taken(iter([batch]))) == [batch]


def test_the_error_for_nothing_left_counts_what_was_left_out() -> None:
    selection = taken(["a.jpg", "b.txt"])[1]
    assert (
        str(selection.nothing_left("/in")) == "there are no tracks in /in: 2 files left out by name: 1 *.jpg, 1 *.txt"
    )


@pytest.mark.parametrize("pattern", ["", "/", "/a/*.mp3"])
def test_a_pattern_that_can_match_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Globs).validate_python([pattern])
    assert TypeAdapter(Globs).validate_python("*.mp3") == ("*.mp3",)
