import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genre_batch.storage.local_tree import files_below, folders_in, is_linked, remove_empty_folders
from genre_batch.storage.store import AccessDenied, ReadFailed
from genre_batch.storage.uri import local_uri
from genre_batch.storage.whole_file import LOCK


def make(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))  # noqa: PTH118 (names that are not UTF-8)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"x")


def below(folder: Path) -> list[str]:
    return [path.removeprefix(f"{folder}/") for path in files_below(f"{folder}/")]


def test_order_is_that_of_the_uris_not_of_the_folders(tmp_path: Path) -> None:
    names = ["a/z", "a.txt", "a-b/c", "a0", "é/x", "e\u0301/x", "😀", "\ufffd", "a/b/c", "B"]
    make(tmp_path, *names)
    assert below(tmp_path) == sorted(names, key=str.encode)


def test_names_that_are_not_utf8_come_last_as_their_uris_do(tmp_path: Path) -> None:
    make(tmp_path, b"a\xff/z", b"a\xff/b", b"\xe9.mp3", "z", "a b", b"a\xff.txt")
    uris = [local_uri(path) for path in files_below(f"{tmp_path}/")]
    assert len(uris) == 6
    assert uris == sorted(uris, key=str.encode)
    assert uris[:2] == [f"{tmp_path}/a b", f"{tmp_path}/z"]


def test_temporary_files_and_locks_of_our_own_are_not_listed(tmp_path: Path) -> None:
    make(tmp_path, ".genre-batch.lock", ".genre-batch-0123.tmp", ".hidden", "a/.genre-batch.lock")
    assert below(tmp_path) == [".hidden"]


def test_a_missing_folder_has_no_files(tmp_path: Path) -> None:
    make(tmp_path, "file")
    assert below(tmp_path / "missing") == below(tmp_path / "file") == []


def test_pipes_and_dangling_links_are_not_listed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    assert below(tmp_path) == []


def test_links_out_of_the_tree_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    music, disk = tmp_path / "music", tmp_path / "disk"
    make(music, "a/1")
    make(disk, "b/2")
    (music / "a" / "up").symlink_to("..")
    (music / "again").symlink_to(music / "a")
    (music / "everything").symlink_to(tmp_path)
    (music / "disk").symlink_to(disk)
    (music / "disk-b").symlink_to(disk / "b")
    (disk / "back").symlink_to(music)
    (music / "song").symlink_to(disk / "b" / "2")
    assert below(music) == ["a/1", "disk-b/2", "disk/b/2", "song"]


def test_folders_in_a_folder_end_with_a_slash(tmp_path: Path) -> None:
    make(tmp_path, "b/1", "a/c/2", "file")
    assert sorted(folders_in(f"{tmp_path}/")) == [f"{tmp_path}/a/", f"{tmp_path}/b/"]


@contextmanager
def not_root() -> Iterator[None]:
    """Permissions do not restrict root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_without_read_permission_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, "open/1", "secret/2")
        folder.chmod(0o755)
        (folder / "secret").chmod(0)
        with not_root(), pytest.raises(AccessDenied, match="secret"):
            below(folder)
        (folder / "secret").chmod(0o755)


def test_a_folder_with_a_name_that_is_too_long_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReadFailed, match="too long"):
        below(tmp_path / (256 * "x"))


def test_links_between_the_folder_and_an_object_are_detected(tmp_path: Path) -> None:
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


def test_folders_with_nothing_but_locks_are_removed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "a" / "b").mkdir(parents=True)
    for folder in (run, run / "a" / "b"):
        (folder / LOCK).touch()
    remove_empty_folders(f"{run}/")
    assert list(tmp_path.iterdir()) == []
    remove_empty_folders(f"{run}/")


def test_files_and_links_keep_their_folders_and_locks(tmp_path: Path) -> None:
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


def test_a_folder_named_like_an_s3_uri_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s3:" / "bucket" / "run").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    remove_empty_folders("s3://bucket/run/")
    assert (tmp_path / "s3:" / "bucket" / "run").is_dir()


def test_a_missing_folder_is_not_an_error_and_its_parent_stays(tmp_path: Path) -> None:
    remove_empty_folders(f"{tmp_path}/nowhere/run/")
    assert tmp_path.is_dir()
