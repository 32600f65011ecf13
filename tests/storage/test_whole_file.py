import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from genre_batch.storage.whole_file import locked, put, put_new


def test_a_put_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path / "a", b"1")
    put(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_version_is_younger_even_when_the_clock_stands(tmp_path: Path) -> None:
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


def test_one_of_many_creates_the_file_where_there_are_no_hard_links(tmp_path, monkeypatch) -> None:
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


def test_the_lock_of_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    inside, most = [], []

    def enter(number: int) -> None:
        with locked(tmp_path / "a"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(200)))
    assert max(most) == 1
