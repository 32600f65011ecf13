import io
from pathlib import Path

import pytest

from genre_batch.storage.local import LocalStore
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.store import ObjectChanged, ObjectGone

DATA = bytes(range(256)) * 500


@pytest.fixture
def uri(tmp_path: Path) -> str:
    LocalStore().write(f"{tmp_path}/a", DATA)
    return f"{tmp_path}/a"


def test_it_reads_like_a_file_in_memory(uri: str) -> None:
    file, same = io.BufferedReader(ObjectFile(LocalStore(), uri), 1000), io.BytesIO(DATA)
    for offset, whence, size in [(5, 0, 10), (7, 1, 3000), (-20, 2, 100), (10**6, 0, 5), (0, 0, -1)]:
        assert file.seek(offset, whence) == same.seek(offset, whence)
        assert file.read(size) == same.read(size)
        assert file.tell() == same.tell()


def test_it_is_pinned_to_the_version_that_was_opened(uri: str) -> None:
    file = ObjectFile(LocalStore(), uri)
    LocalStore().write(uri, DATA[::-1])
    with pytest.raises(ObjectChanged):
        file.read(10)


def test_a_missing_object_is_reported_on_opening(tmp_path: Path) -> None:
    with pytest.raises(ObjectGone):
        ObjectFile(LocalStore(), f"{tmp_path}/missing")
