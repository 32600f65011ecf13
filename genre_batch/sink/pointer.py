"""Small JSON objects that point at the newest of something, moved by compare and swap."""

from typing import TypeVar

from pydantic import BaseModel

from genre_batch.errors import DamageFound
from genre_batch.sink.mending import mend
from genre_batch.storage.store import ObjectChanged, ObjectGone, ReadFailed, Store

Model = TypeVar("Model", bound=BaseModel)

LOST_RACES = 1000
"""Races a driver may lose in a row. Each lost race is another's success, so more of them means a broken store."""


def read_pointer(store: Store, uri: str, kind: type[Model]) -> tuple[Model, str] | None:
    """What the pointer says and the etag of exactly that version; None where there is no pointer.

    Raises DamageFound where it is not JSON of this kind.
    """
    for _ in range(LOST_RACES):
        try:
            etag = store.head(uri).etag
            data = store.read(uri, etag=etag)
        except ObjectGone:
            return None
        except ObjectChanged:
            continue
        return parse(data, kind, uri), etag
    raise ReadFailed(f"{uri} changed at every one of {LOST_RACES} reads")


def swap_pointer(store: Store, uri: str, value: BaseModel, etag: str | None) -> bool:
    """Move the pointer to `value` if its version is still `etag` (None: if there is no pointer yet).

    True as well where the pointer says so already: a request that was sent twice finds its own result.
    """
    data = to_json(value)
    if store.create(uri, data) if etag is None else store.replace(uri, data, etag):
        return True
    found = read_pointer(store, uri, type(value))
    return found is not None and found[0] == value


def to_json(value: BaseModel) -> bytes:
    """The model as indented JSON, keys in the order of its fields: same value, same bytes."""
    return value.model_dump_json(indent=1).encode() + b"\n"


def as_written(value: BaseModel) -> bytes:
    """The bytes that `value` was read from, if `to_json` of this version or an older one wrote them."""
    return value.model_dump_json(indent=1, exclude_unset=True).encode() + b"\n"


def parse(data: bytes, kind: type[Model], path: str, output: str = "OUTPUT") -> Model:
    """The model behind `data`. Raises DamageFound, which names `path` and says how to mend `output`."""
    try:
        return kind.model_validate_json(data)
    except ValueError as error:
        raise DamageFound(f"{path} is not a {kind.__name__} of this version", mend(output)) from error
