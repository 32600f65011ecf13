import pytest

from genre_batch.errors import UsageError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import absolute, as_folder, join, location, open_store
from genre_batch.storage.s3 import S3Store


def test_the_scheme_decides() -> None:
    assert isinstance(open_store("s3://music/a"), S3Store)
    assert isinstance(open_store("/music"), LocalStore)
    assert isinstance(open_store("music/a.mp3"), LocalStore)
    assert isinstance(open_store("file:///music"), LocalStore)


@pytest.mark.parametrize("uri", ["https://a.example/music", "gs://music", "S3://music/", "file://music", "s3://", ""])
def test_an_unsupported_uri_is_wrong_usage_with_a_hint(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(uri)
    assert caught.value.hint


@pytest.mark.parametrize("uri", ["s3:/b/x", "s3:b/x", "S3://b/x", "s3:///b/x"])
def test_what_is_nearly_an_address_on_s3_is_corrected(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(uri)
    wanted = "give s3://bucket/key, or a path" if uri.startswith("s3://") else "did you mean s3://b/x?"
    assert caught.value.hint == wanted


def test_a_local_path_may_look_like_one() -> None:
    assert isinstance(open_store("./s3:/b"), LocalStore)
    assert isinstance(open_store("/music/s3:/b"), LocalStore)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIAKEY:secret@music/a.mp3",
        "s3://AKIAKEY:sec/ret@music/a.mp3",
        "s3://AKIAKEY@music/a.mp3",
        "s3://:secret@music",
        "s3:/AKIAKEY:secret@music/a.mp3",
        "S3:AKIAKEY:sec/ret@music/a.mp3",
        "https://me:secret@music.example/a.mp3",
        "https://music.example/a.mp3?X-Amz-Signature=secret",
        "ftp://me:sec/ret@music.example/a.mp3",
    ],
)
def test_credentials_in_a_uri_are_refused_and_not_repeated(uri: str) -> None:
    for deed in (open_store, absolute, as_folder):
        with pytest.raises(UsageError) as caught:
            deed(uri)
        assert not [word for word in ("AKIA", "sec", "ret@") if word in f"{caught.value} {caught.value.hint}"]


def test_an_at_sign_in_a_key_and_an_access_point_are_not_credentials() -> None:
    assert absolute("s3://music/me:you@home.mp3") == "s3://music/me:you@home.mp3"
    open_store("s3://arn:aws:s3:us-east-1:000000000000:accesspoint:music/a.mp3")


def test_a_folder_ends_with_exactly_one_added_slash(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_folder("music") == as_folder("music/") == f"{tmp_path}/music/"
    assert as_folder("s3://music") == "s3://music/"
    assert as_folder("s3://music/a//") == "s3://music/a//"
    assert absolute("file:///music/a%20b") == "/music/a b"


def test_join_does_not_interpret_parts(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert join("s3://music", "a%20b", "../c") == "s3://music/a%20b/../c"
    assert join("s3://music/x/", "/lead") == "s3://music/x//lead"
    assert join("music", "part-0.parquet") == f"{tmp_path}/music/part-0.parquet"
    assert join("file:///m%FF/", "a%20b") == "file:///m%FF/a%2520b"


@pytest.mark.parametrize("path", ["/a\0b", "a\0b", "/a/" + 256 * "x", "/" + 128 * "é", 16 * ("/" + 255 * "x") + "/"])
def test_an_impossible_path_is_wrong_usage(path: str) -> None:
    with pytest.raises(UsageError, match=r"too long|NUL") as caught:
        location(path)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("path", ["/a/" + 255 * "x", "s3://music/" + 300 * "x", "music"])
def test_other_locations_are_unchanged(path: str) -> None:
    assert location(path) == absolute(path)
