import errno
import fcntl
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from genre_batch.storage.whole_file import LOCK, locked, put, put_new, temporary_files


def test_a_put_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path / "a", b"1")
    put(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_version_is_later_even_if_the_clock_has_not_ticked(tmp_path: Path) -> None:
    target = tmp_path / "a"
    put(target, b"1")
    future_ns = target.stat().st_mtime_ns + 10**12
    os.utime(target, ns=(future_ns, future_ns))
    put(target, b"2")
    assert target.stat().st_mtime_ns > future_ns


def test_one_of_many_creates_the_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: put_new(tmp_path / "x" / "a", b"%d" % number), range(32)))
    assert won.count(True) == 1
    assert (tmp_path / "x" / "a").read_bytes() == b"%d" % won.index(True)
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["a"]


def test_one_of_many_creates_the_file_without_hard_links(tmp_path, monkeypatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: put_new(tmp_path / "a", b"%d" % number), range(32)))
    assert won.count(True) == 1
    assert (tmp_path / "a").read_bytes() == b"%d" % won.index(True)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    put(tmp_path / "a", b"old")
    with pytest.raises(TypeError):
        put(tmp_path / "a", "no bytes")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def most_inside(folder: Path) -> int:
    """The most of many threads that held the lock of a folder at the same time."""
    inside, most = [], []

    def enter(number: int) -> None:
        with locked(folder / "a"):
            inside.append(number)
            # without a pause the threads would hardly ever meet, locked or not
            time.sleep(0.002)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(40)))
    assert len(most) == 40
    return max(most)


def test_the_lock_of_a_folder_is_held_by_one_at_a_time_and_leaves_no_file(tmp_path: Path) -> None:
    assert most_inside(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot_be_locked_get_a_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def as_on_nfs(file: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", as_on_nfs)
    assert most_inside(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_the_lock_file_of_an_earlier_version_is_respected(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads, (tmp_path / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def write() -> None:
            with locked(tmp_path / "a"):
                put(tmp_path / "a", b"1")

        writing = threads.submit(write)
        with pytest.raises(TimeoutError):
            writing.result(timeout=0.2)
        assert not (tmp_path / "a").exists()
        fcntl.flock(file, fcntl.LOCK_UN)
        writing.result()
    assert (tmp_path / "a").read_bytes() == b"1"


def test_an_error_that_is_not_about_locks_is_raised(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(IsADirectoryError), locked(tmp_path / "a"):
        pass


def test_temporary_files_of_killed_writes_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("sub/.genre-batch-1f.tmp", ".genre-batch.lock", "sub/.genre-batch-notes", "data.tmp"):
        (tmp_path / name).write_bytes(b"half")
    os.utime(tmp_path / "sub" / ".genre-batch-1f.tmp", (0, 0))
    (tmp_path / "sub" / "elsewhere").symlink_to(tmp_path)
    (found,) = temporary_files(f"{tmp_path}/")
    assert (found.uri, found.size_bytes) == (f"{tmp_path}/sub/.genre-batch-1f.tmp", 4)
    assert found.age_s > 1e9


def test_there_are_none_on_s3() -> None:
    assert list(temporary_files("s3://bucket/out/")) == []
