"""The interface of all storage back ends, and the errors that one object can cause."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class StorageError(Exception):
    """An operation on one object failed; the message names the URI.

    hint: what the user can do about it; "" if that depends on what the object was needed for.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ObjectGone(StorageError):
    """The object does not exist (404), or no object can have such a name."""


class ObjectChanged(StorageError):
    """The object's etag is no longer the one asked for (412)."""


class AccessDenied(StorageError):
    """The credentials do not allow this (401, 403)."""


class NoCredentials(AccessDenied):
    """No object can be reached with these credentials: none were found, they have expired, or the clock is wrong."""


class ReadFailed(StorageError):
    """The bytes could not be read completely after all retries."""


class Archived(ReadFailed):
    """The object is in an archive, such as Glacier, and has to be restored before it can be read."""


class NoConnection(ReadFailed):
    """The store could not be reached, which has nothing to do with the object."""


class WriteFailed(StorageError):
    """The bytes could not be written after all retries. The old object, if any, is unchanged."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing. `etag` has no quotes; `uri` keeps the key byte for byte.

    modified_at: when it was written, by the clock of the store; always set by `head`, not necessarily by a listing.
    """

    uri: str
    etag: str
    size_bytes: int
    modified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """Objects of a listing in its order, as columns, which take a tenth of the time of single objects.

    modified: when each was written, in UTC and seconds, such as "2026-11-29T01:00:00"; "" if that is not known.
    """

    uris: list[str]
    etags: list[str]
    sizes_bytes: list[int]
    modified: list[str]


def seconds_in_utc(time: datetime | None) -> str:
    """The time as `ObjectPage` has it."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Store(Protocol):
    """Objects under one scheme. URIs are `s3://bucket/key`, with the key unencoded, or absolute local paths."""

    def folders(self, prefix: str, *, scan: int | None = None) -> list[str]:
        """The folders directly under `prefix`, as URIs with a trailing slash, sorted.

        A store may stop searching after about `scan` entries. Raises what `list` raises.
        """

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """All objects below the folder `prefix` whose URI is greater than `after`, sorted by URI (UTF-8), streamed.

        A folder that does not exist has no objects. A local file that cannot be inspected has etag "" and size -1.
        Raises ObjectGone for a missing bucket, AccessDenied, ReadFailed.
        """

    def pages(self, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """The objects of `list`, up to 1000 per page."""

    def head(self, uri: str) -> StoredObject:
        """The object as it is now. Raises ObjectGone, AccessDenied, ReadFailed."""

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        """The bytes from `start` to `start + length`, or to the end, of exactly the version `etag` (None: any).

        The result is shorter if the object ends earlier, like a slice of it.
        Raises ObjectGone, ObjectChanged, AccessDenied, ReadFailed.
        """

    def write(self, uri: str, data: bytes) -> None:
        """Write the whole object, replacing any old one; readers see either the old bytes or the new.

        This and the other writing methods raise AccessDenied, WriteFailed, and ObjectGone for a missing bucket.
        """

    def create(self, uri: str, data: bytes) -> bool:
        """Write the object unless there is one already (`If-None-Match: *`); False in that case."""

    def replace(self, uri: str, data: bytes, etag: str) -> bool:
        """Write the object if its etag is still `etag` (`If-Match`); False if it has changed or is gone."""

    def delete(self, uri: str) -> None:
        """Remove the object if it exists."""
