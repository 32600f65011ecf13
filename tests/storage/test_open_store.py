import pytest

from genre_batch.errors import UsageError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import absolute, as_folder, join, open_store
from genre_batch.storage.s3 import S3Store


def test_the_scheme_decides() -> None:
    assert isinstance(open_store("s3://music/a"), S3Store)
    assert isinstance(open_store("/music"), LocalStore)
    assert isinstance(open_store("music/a.mp3"), LocalStore)
    assert isinstance(open_store("file:///music"), LocalStore)


@pytest.mark.parametrize("uri", ["https://a.example/music", "gs://music", "S3://music/", "file://music", "s3://", ""])
def test_what_has_no_store_is_wrong_usage_with_a_hint(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(uri)
    assert caught.value.hint


def test_a_folder_has_one_slash_more_at_most(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_folder("music") == as_folder("music/") == f"{tmp_path}/music/"
    assert as_folder("s3://music") == "s3://music/"
    assert as_folder("s3://music/a//") == "s3://music/a//"
    assert absolute("file:///music/a%20b") == "/music/a b"


def test_join_takes_parts_as_they_are(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert join("s3://music", "a%20b", "../c") == "s3://music/a%20b/../c"
    assert join("s3://music/x/", "/lead") == "s3://music/x//lead"
    assert join("music", "part-0.parquet") == f"{tmp_path}/music/part-0.parquet"
    assert join("file:///m%FF/", "a%20b") == "file:///m%FF/a%2520b"
