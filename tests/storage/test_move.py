from pathlib import Path

import pytest

from genre_batch.storage.local import LocalStore
from genre_batch.storage.move import move
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import ObjectChanged, ObjectGone, StoredObject


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    store = LocalStore()
    for number, data in enumerate([b"one", b"two", b"one"]):
        store.write(f"{tmp_path}/a", data)
        where = move(store, f"{tmp_path}/a", f"{tmp_path}/aside/a")
        assert where == f"{tmp_path}/aside/a{'.1' if number == 1 else ''}"
        assert store.read(where) == data
        assert not (tmp_path / "a").exists()
    with pytest.raises(ObjectGone):
        move(store, f"{tmp_path}/a", f"{tmp_path}/aside/a")


def test_what_took_its_place_stays(tmp_path: Path) -> None:
    class Overtaken(LocalStore):
        def create(self, uri: str, data: bytes) -> bool:
            (tmp_path / "a").write_bytes(b"new")
            return super().create(uri, data)

        def head(self, uri: str) -> StoredObject:
            return super().head(uri)

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ObjectChanged):
        move(Overtaken(), f"{tmp_path}/a", f"{tmp_path}/b")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"new", b"old")


def test_on_s3(bucket: str) -> None:
    uri = f"s3://{bucket}/a b/é"
    store = open_store(uri)
    store.write(uri, b"x")
    assert move(store, uri, f"s3://{bucket}/c") == f"s3://{bucket}/c"
    assert [found.uri for found in store.list(f"s3://{bucket}/")] == [f"s3://{bucket}/c"]
