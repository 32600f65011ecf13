import pytest
from pydantic import BaseModel
from sink.memory_store import MemoryStore

from genre_batch.errors import DamageFound
from genre_batch.sink.json_records import as_written, parse, read_pointer, swap_pointer, to_json
from genre_batch.storage.store import ObjectChanged, ReadFailed, Store


class Place(BaseModel):
    name: str


class NewerPlace(Place):
    country: str | None = None


def test_what_an_older_version_wrote_is_reproduced_byte_for_byte() -> None:
    old, new = to_json(Place(name="é")), to_json(NewerPlace(name="é"))
    assert [as_written(parse(data, NewerPlace, "it")) for data in (old, new)] == [old, new]
    assert old != new


def test_a_pointer_moves_only_from_the_version_that_was_seen(table: tuple[Store, str]) -> None:
    store, output = table
    uri = f"{output}/_pointer.json"
    assert read_pointer(store, uri, Place) is None
    assert swap_pointer(store, uri, Place(name="a"), None)
    assert not swap_pointer(store, uri, Place(name="b"), None)
    place, etag = read_pointer(store, uri, Place) or pytest.fail("no pointer")
    assert place == Place(name="a")
    assert swap_pointer(store, uri, Place(name="b"), etag)
    assert not swap_pointer(store, uri, Place(name="c"), etag)
    assert (read_pointer(store, uri, Place) or pytest.fail("no pointer"))[0] == Place(name="b")


def test_a_request_that_was_sent_twice_finds_its_own_result(table: tuple[Store, str]) -> None:
    store, output = table
    uri = f"{output}/_pointer.json"
    assert swap_pointer(store, uri, Place(name="a"), None)
    assert swap_pointer(store, uri, Place(name="a"), None)


def test_a_pointer_that_is_gone_does_not_move(table: tuple[Store, str]) -> None:
    store, output = table
    uri = f"{output}/_pointer.json"
    swap_pointer(store, uri, Place(name="a"), None)
    _, etag = read_pointer(store, uri, Place) or pytest.fail("no pointer")
    store.delete(uri)
    assert not swap_pointer(store, uri, Place(name="b"), etag)


class Restless(MemoryStore):
    """The object changes between HEAD and read, `changes` times."""

    changes = 0

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        if self.changes:
            self.changes -= 1
            raise ObjectChanged(uri)
        return super().read(uri, etag=etag, start=start, length=length)


def test_a_pointer_that_moves_while_it_is_read_is_read_again() -> None:
    store = Restless({"/p": b'{"name": "a"}'})
    store.changes = 5
    assert (read_pointer(store, "/p", Place) or pytest.fail("no pointer"))[0] == Place(name="a")
    store.changes = 10**9
    with pytest.raises(ReadFailed, match="changed during each"):
        read_pointer(store, "/p", Place)


def test_json_has_one_form_and_comes_back() -> None:
    assert to_json(Place(name="é")) == '{\n "name": "é"\n}\n'.encode()
    assert parse(to_json(Place(name="é")), Place, "x") == Place(name="é")
    with pytest.raises(DamageFound, match="x is not a Place"):
        parse(b"\xff", Place, "x")
