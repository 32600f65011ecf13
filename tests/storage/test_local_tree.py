import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genre_batch.storage.local_tree import files_below, folders_in
from genre_batch.storage.store import AccessDenied, ReadFailed
from genre_batch.storage.uri import local_uri


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


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    make(tmp_path, "file")
    assert below(tmp_path / "missing") == below(tmp_path / "file") == []


def test_pipes_and_dangling_links_are_not_listed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    assert below(tmp_path) == []


def test_links_lead_elsewhere_once_and_loops_end(tmp_path: Path) -> None:
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


def test_folders_in_a_folder_have_a_slash(tmp_path: Path) -> None:
    make(tmp_path, "b/1", "a/c/2", "file")
    assert sorted(folders_in(f"{tmp_path}/")) == [f"{tmp_path}/a/", f"{tmp_path}/b/"]


@contextmanager
def not_root() -> Iterator[None]:
    """Permissions do not bind root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_named() -> None:
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
