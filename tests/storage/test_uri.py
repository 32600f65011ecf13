import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.storage.uri import is_utf8, local_path, local_uri, split_s3, without_secrets


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://music/a/b.mp3", "music", "a/b.mp3"),
        ("s3://music//a%20b+c#d?e", "music", "/a%20b+c#d?e"),
        ("s3://music/../x\n", "music", "../x\n"),
        ("s3://music", "music", ""),
        ("s3://music/", "music", ""),
    ],
)
def test_a_key_is_what_follows_the_bucket_byte_for_byte(uri: str, bucket: str, key: str) -> None:
    assert split_s3(uri) == (bucket, key)


def test_a_relative_path_is_resolved_against_the_working_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert local_path("music/a.mp3") == f"{tmp_path}/music/a.mp3"
    assert local_path("./music/../songs/") == f"{tmp_path}/songs/"
    assert local_path("~/music") == "/home/someone/music"


def test_a_file_uri_is_percent_decoded_and_a_path_is_not() -> None:
    assert local_path("file:///music/a%20b") == local_path("file://localhost/music/a%20b") == "/music/a b"
    assert local_path("/music/a%20b") == "/music/a%20b"


def test_only_names_that_are_not_utf8_need_a_file_uri() -> None:
    assert local_uri("/music/é%+#\n") == "/music/é%+#\n"
    assert local_uri(os.fsdecode(b"/music/\xe9 1%.mp3")) == "file:///music/%E9%201%25.mp3"


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_every_local_name_survives_conversion_to_a_uri_and_back(name: bytes) -> None:
    path = os.fsdecode(b"/" + name)
    uri = local_uri(path)
    assert is_utf8(uri)
    assert os.fsencode(local_path(uri)) == b"/" + name


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@music.example/a.mp3", "https://...@music.example/a.mp3"),
        ("https://me:sec/ret@b@music.example", "https://...@music.example"),
        ("https://music.example/a?X-Amz-Signature=secret", "https://music.example/a?..."),
        ("gs://music/a", "gs://music/a"),
        ("/music/me@home?", "/music/me@home?"),
    ],
)
def test_a_message_shows_no_password_and_no_signature(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown
