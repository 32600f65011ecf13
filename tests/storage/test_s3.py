import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from s3_server import S3Server

from genre_batch.storage import s3
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import (
    AccessDenied,
    NoCredentials,
    ObjectChanged,
    ObjectGone,
    WriteFailed,
)

DATA = bytes(range(256)) * 64
ODD_KEYS = [
    "a/../b", "../../x", "/lead", "//two", "a//b", "..", ".", "a/./b", " ", "a b", "a+b%20c#d?e&f=g", "%2F", "a\\b",
    "<x>&amp;", "😀", "e\u0301", "\u00e9", "\ufffd", "\U0010ffff", "\ue000", "tab\t", "quote'\"",
]  # fmt: skip
NEWLINE_KEYS = ["a\nb", "a\r\nb", "\n"]

store = S3Store()


@pytest.fixture(params=["moto_s3", pytest.param("radosgw", marks=[pytest.mark.radosgw, pytest.mark.slow])])
def server(request: pytest.FixtureRequest) -> S3Server:
    return request.getfixturevalue(request.param)


@pytest.fixture
def root(server: S3Server) -> str:
    """The URI of a fresh bucket, without a trailing slash."""
    return f"s3://{server.new_bucket()}"


def test_what_is_written_is_listed_and_read(root: str) -> None:
    names = ["a/1", "a/2", "a-b/3", "ab/4", "top"]
    for name in names:
        store.write(f"{root}/{name}", DATA + name.encode())
    listed = list(store.list(root))
    assert [found.uri for found in listed] == [f"{root}/{name}" for name in sorted(names)]
    heads = [store.head(found.uri) for found in listed]
    assert listed == heads
    assert all(head.modified_at and abs(head.modified_at.timestamp() - time.time()) < 60 for head in heads)
    assert [store.read(found.uri, etag=found.etag) for found in listed] == [DATA + n.encode() for n in sorted(names)]
    assert '"' not in listed[0].etag
    assert store.folders(root) == [f"{root}/a-b/", f"{root}/a/", f"{root}/ab/"]


def test_a_prefix_is_a_folder_and_after_is_exclusive(root: str) -> None:
    for name in ("a/1", "a/2", "a/b/3", "ab/4"):
        store.write(f"{root}/{name}", b"")
    assert [found.uri for found in store.list(f"{root}/a")] == [f"{root}/a/1", f"{root}/a/2", f"{root}/a/b/3"]
    assert [found.uri for found in store.list(f"{root}/a/", after=f"{root}/a/1")] == [f"{root}/a/2", f"{root}/a/b/3"]
    assert list(store.list(f"{root}/missing")) == store.folders(f"{root}/missing") == []


def test_odd_keys_are_preserved_byte_for_byte(root: str, server: S3Server) -> None:
    # moto's router does not support keys with a line break
    keys = ODD_KEYS + (NEWLINE_KEYS if server.access_key == "testkey" else [])
    for key in keys:
        store.write(f"{root}/{key}", key.encode())
    listed = [found.uri for found in store.list(root)]
    assert listed == [f"{root}/{key}" for key in sorted(keys, key=str.encode)]
    for uri in listed:
        assert store.read(uri, etag=store.head(uri).etag) == uri.removeprefix(f"{root}/").encode()
        assert [found.uri for found in store.list(root, after=uri)] == [later for later in listed if later > uri]


def test_a_listing_may_have_many_pages(root: str, monkeypatch) -> None:
    monkeypatch.setattr(s3, "_PAGE_KEYS", 10)
    for number in range(34):
        store.write(f"{root}/{number:04d}/x", b"")
    assert [found.uri for found in store.list(root)] == [f"{root}/{n:04d}/x" for n in range(34)]
    assert next(found.uri for found in store.list(root, after=f"{root}/0012/y")) == f"{root}/0013/x"
    assert len(store.folders(root)) == 34
    assert store.folders(root, scan=15) == [f"{root}/{n:04d}/" for n in range(20)]


@pytest.mark.parametrize(
    ("start", "length"), [(0, None), (100, None), (100, 50), (0, 50), (len(DATA) - 5, 50), (len(DATA), 5), (0, 0)]
)
def test_ranges_are_slices(root: str, start: int, length: int | None) -> None:
    uri = f"{root}/a"
    store.write(uri, DATA)
    wanted = DATA[start:][:length]
    assert store.read(uri, start=start, length=length) == wanted
    assert store.read(uri, etag=store.head(uri).etag, start=start, length=length) == wanted


def test_an_empty_object_is_read(root: str) -> None:
    store.write(f"{root}/a", b"")
    assert store.read(f"{root}/a") == store.read(f"{root}/a", length=10) == b""


@pytest.mark.parametrize(("start", "length"), [(0, None), (3, 4), (10**6, 5), (0, 0)])
def test_another_version_is_not_read(root: str, start: int, length: int | None) -> None:
    uri = f"{root}/a"
    store.write(uri, DATA)
    etag = store.head(uri).etag
    store.write(uri, DATA[::-1])
    with pytest.raises(ObjectChanged, match="has changed"):
        store.read(uri, etag=etag, start=start, length=length)


def test_create_and_replace_hold_their_conditions(root: str) -> None:
    uri = f"{root}/pointer"
    assert not store.replace(uri, b"0", "0" * 32)
    assert store.create(uri, b"1")
    assert not store.create(uri, b"1")
    first = store.head(uri).etag
    assert store.replace(uri, b"3", first)
    assert not store.replace(uri, b"4", first)
    assert store.read(uri) == b"3"


def test_one_of_many_creates_the_object(root: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: store.create(f"{root}/a", b"%d" % number), range(24)))
    assert won.count(True) == 1
    assert store.read(f"{root}/a") == b"%d" % won.index(True)


@pytest.mark.slow
def test_no_concurrent_replace_is_lost(root: str) -> None:
    uri = f"{root}/counter"
    store.write(uri, b"0")

    def add(_: int) -> None:
        while True:
            found = store.head(uri)
            try:
                count = int(store.read(uri, etag=found.etag))
            except ObjectChanged:
                continue
            if store.replace(uri, b"%d" % (count + 1), found.etag):
                return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(24)))
    assert store.read(uri) == b"24"


def test_delete_may_be_repeated(root: str) -> None:
    store.write(f"{root}/a", b"")
    store.delete(f"{root}/a")
    store.delete(f"{root}/a")
    assert list(store.list(root)) == []


def test_what_is_missing_is_gone(root: str) -> None:
    for operation in (store.head, store.read):
        with pytest.raises(ObjectGone, match="no/such' does not exist"):
            operation(f"{root}/no/such")


def test_a_missing_bucket_is_reported(server: S3Server) -> None:
    nowhere = "s3://no-such-bucket-here/a"
    for operation in (
        lambda: list(store.list(nowhere)),
        lambda: store.folders(nowhere),
        lambda: store.read(nowhere),
        lambda: store.write(nowhere, b""),
        lambda: store.create(nowhere, b""),
        lambda: store.replace(nowhere, b"", "0" * 32),
    ):
        with pytest.raises(ObjectGone, match=r"The bucket of 's3://no-such-bucket-here/a/?' does not exist"):
            operation()


def test_impossible_names_are_typed_errors(server: S3Server) -> None:
    for operation in (
        lambda: list(store.list("s3://no bucket/")),
        lambda: store.head("s3://no bucket/a"),
        lambda: store.head("s3://music"),
        lambda: store.read("s3://music/"),
    ):
        with pytest.raises(ObjectGone, match="no such bucket name or key"):
            operation()
    with pytest.raises(WriteFailed, match="no such bucket name or key"):
        store.write("s3://no bucket/a", b"")


def test_without_credentials_access_is_denied_at_once(root: str, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for operation in (lambda: list(store.list(root)), lambda: store.write(f"{root}/a", b"")):
        with pytest.raises(NoCredentials, match="there are no AWS credentials"):
            operation()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NoCredentials):
        store.head(f"{root}/a")


@pytest.mark.radosgw
@pytest.mark.slow
def test_wrong_credentials_are_denied(radosgw: S3Server, monkeypatch) -> None:
    uri = f"s3://{radosgw.new_bucket()}/a"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    for operation in (lambda: store.head(uri), lambda: store.read(uri), lambda: store.write(uri, b"")):
        with pytest.raises(AccessDenied) as caught:
            operation()
        assert "wrong" not in str(caught.value)


@pytest.mark.slow
def test_an_unreachable_server_is_reported(moto_s3: S3Server, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(WriteFailed, match="no connection"):
        store.write("s3://music/a", b"")
