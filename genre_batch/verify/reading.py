"""Reads of a verification: an object that cannot be read is a finding, and not the end."""

from collections.abc import Iterator
from contextlib import contextmanager

from genre_batch.errors import DamageFound
from genre_batch.storage.store import AccessDenied, NoCredentials, ReadFailed


class Unreadable(DamageFound):
    """An object is there and cannot be read; its bytes may be whole."""


@contextmanager
def reading() -> Iterator[None]:
    """Raise Unreadable where one object cannot be read. Missing credentials concern all, and are raised as they are."""
    try:
        yield
    except NoCredentials:
        raise
    except (ReadFailed, AccessDenied) as error:
        raise Unreadable(f"it cannot be read: {error}") from error
