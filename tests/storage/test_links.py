import os
from pathlib import Path

import pytest

from genre_batch.storage.links import is_linked
from genre_batch.storage.uri import local_uri


def test_links_on_the_way_to_an_object_are_seen_and_those_to_the_folder_are_not(tmp_path: Path) -> None:
    elsewhere, real = tmp_path / "elsewhere", tmp_path / "real"
    for folder in (elsewhere, real / "a" / "b"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    (real / "a" / "link").symlink_to(elsewhere)
    (real / "a" / "again").symlink_to(real / "a" / "b")
    (real / "a" / "song").symlink_to(elsewhere / "file")
    output = tmp_path / "output"
    output.symlink_to(real)
    for folder in (str(output), f"{output}/", str(real)):
        root = folder.rstrip("/")
        assert not is_linked(folder, f"{root}/a/b/file")
        assert not is_linked(folder, f"{root}/a/missing")
        assert is_linked(folder, f"{root}/a/link/file")
        assert is_linked(folder, f"{root}/a/again/file")
        assert is_linked(folder, f"{root}/a/song")


def test_names_that_are_not_utf8_too(tmp_path: Path) -> None:
    link = tmp_path / os.fsdecode(b"\xff")
    link.symlink_to("/")
    assert is_linked(str(tmp_path), local_uri(f"{link}/etc/passwd"))


@pytest.mark.parametrize("uri", ["s3://bucket/table/a", "s3://bucket/table/../a"])
def test_s3_has_no_links(uri: str) -> None:
    assert not is_linked("s3://bucket/table", uri)
