"""A page is written whole or not at all."""

import os
from pathlib import Path

import pytest

from genre_batch.errors import UsageError
from genre_batch.evaluation.page_file import check_page, write_page


def test_it_replaces_what_is_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    check_page(str(target))
    assert write_page(str(target), "<p>né</p>").size_bytes == 10
    assert target.read_text(encoding="utf-8") == "<p>né</p>"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_failure_leaves_the_old_page_and_no_part_of_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_page(str(target), "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert target.read_text() == "old"


@pytest.mark.parametrize(
    ("place", "fault"),
    [("absent/page.html", "there is no folder"), (".", "is a folder"), ("file.txt/page.html", "there is no folder")],
)
def test_a_place_that_cannot_be_written_is_told_before(place: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(UsageError, match=fault):
        check_page(str(tmp_path / place))
    assert not (tmp_path / "absent").exists()


def test_an_address_on_s3_is_told() -> None:
    with pytest.raises(UsageError, match="local file"):
        check_page("s3://bucket/page.html")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self/attr").exists(), reason="root may write anywhere")
def test_a_folder_that_takes_no_file_is_told() -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        check_page("/proc/self/attr/page.html")
