import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import AccessDenied, ObjectChanged, ObjectGone, ReadFailed, StoredObject, WriteFailed

SMALL, LARGE = b"0123456789", bytes(range(256)) * 1024

store = LocalStore()


def test_what_is_written_is_listed_and_read(tmp_path: Path) -> None:
    store.write(f"{tmp_path}/b/1", SMALL)
    store.write(f"{tmp_path}/a", LARGE)
    listed = list(store.list(f"{tmp_path}"))
    assert [found.uri for found in listed] == [f"{tmp_path}/a", f"{tmp_path}/b/1"]
    assert listed == [store.head(found.uri) for found in listed]
    assert [store.read(found.uri, etag=found.etag) for found in listed] == [LARGE, SMALL]
    assert all(found.modified_at and abs(found.modified_at.timestamp() - time.time()) < 60 for found in listed)
    assert store.folders(f"{tmp_path}") == [f"{tmp_path}/b/"]
    assert [found.uri for found in store.list(f"{tmp_path}", after=f"{tmp_path}/a")] == [f"{tmp_path}/b/1"]


def test_relative_paths_and_file_uris_are_supported(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store.write("music/a b", SMALL)
    assert [found.uri for found in store.list("music")] == [f"{tmp_path}/music/a b"]
    assert store.read(f"file://{tmp_path}/music/a%20b") == SMALL


def test_a_name_that_is_not_utf8_is_listed_and_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9 100%.mp3"
    Path(os.fsdecode(path)).write_bytes(SMALL)
    [found] = store.list(f"{tmp_path}")
    assert found.uri == f"file://{tmp_path}/caf%E9%20100%25.mp3"
    assert store.read(found.uri, etag=found.etag) == SMALL


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("start", "length"), [(0, None), (3, None), (3, 4), (5, 10**9), (10**9, 5), (0, 0)])
@pytest.mark.parametrize("pinned", [True, False])
def test_ranges_are_slices(tmp_path: Path, data: bytes, start: int, length: int | None, pinned: bool) -> None:
    uri = f"{tmp_path}/a"
    store.write(uri, data)
    etag = store.head(uri).etag if pinned else None
    assert store.read(uri, etag=etag, start=start, length=length) == data[start:][:length]


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_another_version_is_not_read(tmp_path: Path, data: bytes) -> None:
    uri = f"{tmp_path}/a"
    store.write(uri, data)
    etag = store.head(uri).etag
    store.write(uri, data[::-1])
    with pytest.raises(ObjectChanged, match="/a"):
        store.read(uri, etag=etag, start=2, length=2)


def test_the_etag_of_a_small_file_is_that_of_its_content(tmp_path: Path) -> None:
    store.write(f"{tmp_path}/a", SMALL)
    store.write(f"{tmp_path}/b", SMALL)
    assert store.head(f"{tmp_path}/a").etag == store.head(f"{tmp_path}/b").etag


def test_a_large_file_overwritten_in_place_gets_another_etag(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LARGE)
    os.utime(path, ns=(0, 0))
    etag = store.head(f"{path}").etag
    path.write_bytes(LARGE[::-1])
    assert store.head(f"{path}").etag != etag


def test_create_and_replace_hold_their_conditions(tmp_path: Path) -> None:
    uri = f"{tmp_path}/x/pointer"
    assert not store.replace(uri, b"0", "no such etag")
    assert store.create(uri, b"1")
    assert not store.create(uri, b"2")
    first = store.head(uri).etag
    assert store.replace(uri, b"3", first)
    assert not store.replace(uri, b"4", first)
    assert store.read(uri) == b"3"


def test_delete_may_be_repeated(tmp_path: Path) -> None:
    uri = f"{tmp_path}/a"
    store.write(uri, SMALL)
    store.delete(uri)
    store.delete(uri)
    store.delete(f"{tmp_path}/no/such/folder")
    assert list(tmp_path.glob("[!.]*")) == []


_ADD_TO_COUNTER = """
import sys
from genre_batch.storage.local import LocalStore

store, uri = LocalStore(), sys.argv[1]
for _ in range(int(sys.argv[2])):
    while True:
        found = store.head(uri)
        try:
            count = int(store.read(uri, etag=found.etag))
        except Exception as error:
            assert type(error).__name__ == "ObjectChanged", error
            continue
        if store.replace(uri, str(count + 1).encode().rjust(found.size_bytes), found.etag):
            break
"""


@pytest.mark.parametrize("size_bytes", [10, 100_000], ids=["small", "large"])
def test_no_replace_of_concurrent_processes_is_lost(tmp_path: Path, size_bytes: int) -> None:
    uri = f"{tmp_path}/counter"
    store.write(uri, b"0".rjust(size_bytes))
    command = [sys.executable, "-c", _ADD_TO_COUNTER, uri, "50"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(300) for process in processes] == [0, 0, 0]
    assert int(store.read(uri)) == 150


def test_what_is_not_a_file_is_gone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(SMALL)
    for name in ("missing", "file/below", "pipe", ""):
        with pytest.raises(ObjectGone):
            store.read(f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", ["n" * 300, "zero\0byte", "p/" * 5000])
def test_an_impossible_file_name_is_gone(tmp_path: Path, name: str) -> None:
    with pytest.raises(ObjectGone):
        store.read(f"{tmp_path}/{name}")
    with pytest.raises(WriteFailed):
        store.write(f"{tmp_path}/{name}", SMALL)


def test_a_link_to_itself_is_gone(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ObjectGone):
        store.head(f"{tmp_path}/loop")


def test_a_file_that_cannot_be_inspected_does_not_stop_a_listing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(SMALL)
    # reading this file is an I/O error, as on a broken disk
    (tmp_path / "b").symlink_to("/proc/self/mem")
    (tmp_path / "c").write_bytes(SMALL)
    whole, broken, other = store.list(f"{tmp_path}")
    assert (whole, other) == (store.head(whole.uri), store.head(other.uri))
    assert broken == StoredObject(f"{tmp_path}/b", "", -1)
    with pytest.raises(ReadFailed):
        store.head(broken.uri)


def test_a_file_in_the_way_of_a_folder_is_a_failed_write(tmp_path: Path) -> None:
    store.write(f"{tmp_path}/a", SMALL)
    for operation in (store.write, store.create):
        with pytest.raises(WriteFailed, match=r"a/b' cannot be written"):
            operation(f"{tmp_path}/a/b", SMALL)


def test_a_file_without_read_permission_is_still_listed(tmp_path, monkeypatch) -> None:
    (tmp_path / "a").write_bytes(SMALL)

    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    [found] = store.list(f"{tmp_path}")
    assert isinstance(found, StoredObject)
    assert found.size_bytes == len(SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", refuse)
        assert list(store.list(f"{tmp_path}")) == [StoredObject(found.uri, "", -1)]
    with pytest.raises(AccessDenied, match="permission denied"):
        store.read(found.uri, etag=found.etag)
    with pytest.raises(AccessDenied, match="permission denied"):
        store.write(found.uri, SMALL)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read")
def test_an_unreadable_file_is_still_listed(tmp_path: Path) -> None:
    (tmp_path / "bad").symlink_to("/proc/self/mem")
    store.write(f"{tmp_path}/good", SMALL)
    with pytest.raises(ReadFailed):
        store.head(f"{tmp_path}/bad")
    assert [found.uri for found in store.list(f"{tmp_path}")] == [f"{tmp_path}/bad", f"{tmp_path}/good"]
