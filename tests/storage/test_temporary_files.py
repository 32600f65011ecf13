import os
from pathlib import Path

from genre_batch.storage.temporary_files import temporary_files


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
