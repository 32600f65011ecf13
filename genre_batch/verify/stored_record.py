"""One JSON record on storage, read so strictly that no changed byte passes."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from genre_batch.errors import DamageFound
from genre_batch.sink.layout import at
from genre_batch.sink.pointer import as_written, parse
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.reading import Unreadable, reading

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StoredRecord(Generic[Model]):
    """What is at `path`. data: None where nothing is, empty where it cannot be read. value: None where it cannot be
    understood.

    fault: what is wrong with it by itself, None where nothing is, or where it is missing.
    """

    path: str
    data: bytes | None
    value: Model | None
    fault: str | None


def read_record(store: Store, output: str, path: str, kind: type[Model]) -> StoredRecord[Model]:
    """The record at `path` below `output`; every byte of it must be as this program, or an older version, writes it."""
    try:
        with reading():
            data = store.read(at(output, path))
    except ObjectGone:
        return StoredRecord(path, None, None, None)
    except Unreadable as unreadable:
        return StoredRecord(path, b"", None, str(unreadable).removeprefix("it "))
    try:
        value = parse(data, kind, path)
    except DamageFound:
        return StoredRecord(path, data, None, f"is not a {kind.__name__}")
    return StoredRecord(path, data, value, None if as_written(value) == data else "is not as it was written")
