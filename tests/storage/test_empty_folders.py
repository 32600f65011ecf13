from pathlib import Path

import pytest

from genre_batch.storage.empty_folders import remove_empty_folders
from genre_batch.storage.whole_file import LOCK


def test_what_holds_nothing_but_locks_goes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "a" / "b").mkdir(parents=True)
    for folder in (run, run / "a" / "b"):
        (folder / LOCK).touch()
    remove_empty_folders(f"{run}/")
    assert list(tmp_path.iterdir()) == []
    remove_empty_folders(f"{run}/")


def test_files_and_links_stay_with_the_locks_beside_them(tmp_path: Path) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    for folder in (run / "a", run / "empty", run / "b", elsewhere / "empty"):
        folder.mkdir(parents=True)
    (run / "a" / "file").touch()
    (run / "a" / LOCK).touch()
    (run / "b" / "link").symlink_to(elsewhere)
    (tmp_path / "linked").symlink_to(elsewhere)
    remove_empty_folders(str(run))
    remove_empty_folders(f"{tmp_path}/linked/")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == [
        "elsewhere",
        "elsewhere/empty",
        "linked",
        "run",
        "run/a",
        f"run/a/{LOCK}",
        "run/a/file",
        "run/b",
        "run/b/link",
    ]


@pytest.mark.parametrize("uri", ["s3://bucket/run/", "/nowhere/run/"])
def test_nothing_is_there(uri: str) -> None:
    remove_empty_folders(uri)
