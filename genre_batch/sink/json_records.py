"""Small JSON records; those that point at the newest of something are moved by compare and swap."""

from typing import TypeVar

from pydantic import BaseModel

from genre_batch.errors import DamageFound
from genre_batch.sink.layout import repair_hint
from genre_batch.storage.store import ObjectChanged, ObjectGone, ReadFailed, Store

Model = TypeVar("Model", bound=BaseModel)

MAX_LOST_RACES = 1000
"""Consecutive races that a driver may lose. Each loss is another driver's success, so more mean a broken store."""


def read_pointer(store: Store, uri: str, kind: type[Model]) -> tuple[Model, str] | None:
    """The pointer and the etag of exactly that version; None if there is no pointer.

    Raises DamageFound if it is not JSON of this kind.
    """
    for _ in range(MAX_LOST_RACES):
        try:
            etag = store.head(uri).etag
            data = store.read(uri, etag=etag)
        except ObjectGone:
            return None
        except ObjectChanged:
            continue
        return parse(data, kind, uri), etag
    raise ReadFailed(f"{uri} changed during each of {MAX_LOST_RACES} reads")


def swap_pointer(store: Store, uri: str, value: BaseModel, etag: str | None) -> bool:
    """Move the pointer to `value` if its version is still `etag` (None: if there is no pointer yet).

    Also True if the pointer already has this value: a request that was sent twice finds its own result.
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
    """The same without fields that were never set: the bytes that `value` was parsed from.

    So a record keeps its bytes, and its hash, when a later version of the model has more fields.
    """
    return value.model_dump_json(indent=1, exclude_unset=True).encode() + b"\n"


def parse(data: bytes, kind: type[Model], path: str, output: str = "OUTPUT") -> Model:
    """The model behind `data`. Raises DamageFound, which names `path` and how to repair `output`."""
    try:
        return kind.model_validate_json(data)
    except ValueError as error:
        raise DamageFound(f"{path} is not a {kind.__name__} of this version", repair_hint(output)) from error


def read_json(store: Store, uri: str, kind: type[Model], output: str = "OUTPUT") -> Model | None:
    """The record at `uri`; None if there is none. Raises as `parse` does."""
    try:
        return parse(store.read(uri), kind, uri, output)
    except ObjectGone:
        return None


def exists(store: Store, uri: str) -> bool:
    """Whether there is an object at `uri`."""
    try:
        store.head(uri)
    except ObjectGone:
        return False
    return True
