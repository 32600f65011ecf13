"""The output that is verified: reads that distinguish what is missing from what cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.storage.store import AccessDenied, NoCredentials, ObjectGone, ReadFailed, Store, StoredObject
from genre_batch.verify.findings import Kind


class Missing(DamageFound):
    """An object does not exist."""


class Unreadable(DamageFound):
    """An object exists and cannot be read; its bytes may be intact."""


def kind_of(damage: DamageFound) -> Kind:
    """The kind of finding that this damage is."""
    return Kind.MISSING if isinstance(damage, Missing) else Kind.DAMAGED


@contextmanager
def reading(missing: str = "it is missing") -> Iterator[None]:
    """Raise Missing, with that message, if an object does not exist, and Unreadable if it cannot be read.

    Missing credentials affect all objects, so NoCredentials passes through.
    """
    try:
        yield
    except NoCredentials:
        raise
    except ObjectGone as gone:
        raise Missing(missing) from gone
    except (ReadFailed, AccessDenied) as error:
        raise Unreadable(f"it cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Output:
    """An output below the URI `root`. Paths are relative to it."""

    store: Store
    root: str

    def uri(self, path: str) -> str:
        """The URI of `path`."""
        return layout.at(self.root, path)

    def path(self, uri: str) -> str:
        """The path of `uri`."""
        return uri.removeprefix(self.uri(""))

    def read(self, path: str, missing: str = "it is missing") -> bytes:
        """The bytes of an object. Raises Missing, with that message, and Unreadable."""
        with reading(missing):
            return self.store.read(self.uri(path))

    def exists(self, path: str) -> bool:
        """Whether the object exists. Raises Unreadable if that cannot be found out."""
        try:
            with reading():
                self.store.head(self.uri(path))
        except Missing:
            return False
        return True

    def list(self, path: str) -> Iterator[tuple[str, StoredObject]]:
        """All objects whose path begins with `path`, with their paths."""
        for found in self.store.list(self.uri(path)):
            yield self.path(found.uri), found
