"""What every storage back end offers, and what can go wrong with one object."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class StorageError(Exception):
    """An operation on one object failed; the message names the URI."""


class ObjectGone(StorageError):
    """The object does not exist (404), or no object can have such a name."""


class ObjectChanged(StorageError):
    """The object's etag is no longer the one asked for (412)."""


class AccessDenied(StorageError):
    """The credentials in use may not do this (401, 403)."""


class NoCredentials(AccessDenied):
    """There are no usable credentials at all: none were found, or they have expired."""


class ReadFailed(StorageError):
    """The bytes could not be read whole, after all retries."""


class NoConnection(ReadFailed):
    """The store could not be reached at all, which is no fault of the object."""


class WriteFailed(StorageError):
    """The bytes could not be written, after all retries. The old object, if any, is still there."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as a listing shows it. `etag` has no quotes; `uri` keeps the key byte for byte.

    modified_at: when it was written, by the clock of the store; `head` tells it always, a listing need not.
    """

    uri: str
    etag: str
    size_bytes: int
    modified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """Some objects of a listing in its order, as columns: one object takes a tenth of the time that way."""

    uris: list[str]
    etags: list[str]
    sizes_bytes: list[int]


class Store(Protocol):
    """Objects under one scheme. URIs are `s3://bucket/key`, with the key as it is, or absolute local paths."""

    def folders(self, prefix: str, *, scan: int | None = None) -> list[str]:
        """The folders directly under `prefix`, as URIs with a trailing slash, sorted.

        A store may stop looking for them after about `scan` entries. Raises what `list` raises.
        """

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """All objects below the folder `prefix` whose URI is greater than `after`, sorted by URI (UTF-8), streamed.

        A folder that does not exist has no objects. A local file that could not be looked at has etag "" and size -1.
        Raises ObjectGone for a missing bucket, AccessDenied, ReadFailed.
        """

    def pages(self, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """What `list` gives, up to 1000 objects at once."""

    def head(self, uri: str) -> StoredObject:
        """The object as it is now. Raises ObjectGone, AccessDenied, ReadFailed."""

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        """Bytes `start` to `start + length` (or the end), all of them, of exactly the version `etag`.

        Where the object ends earlier, the answer is shorter, like a slice of it.
        Raises ObjectGone, ObjectChanged, AccessDenied, ReadFailed.
        """

    def write(self, uri: str, data: bytes) -> None:
        """Write the whole object, replacing what is there; readers see the old bytes or the new, never a part.

        This and the other writing methods raise AccessDenied, WriteFailed, and ObjectGone for a missing bucket.
        """

    def create(self, uri: str, data: bytes) -> bool:
        """Write the object only where none is (`If-None-Match: *`); False if there is one already."""

    def replace(self, uri: str, data: bytes, etag: str) -> bool:
        """Write the object only while its etag is still `etag` (`If-Match`); False if it has changed or gone."""

    def delete(self, uri: str) -> None:
        """Remove the object if it is there."""
