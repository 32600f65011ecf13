"""Moving one object within a store, without ever losing it or overwriting another."""

from itertools import count

from genre_batch.storage.store import ObjectChanged, Store


def move(store: Store, source_uri: str, target_uri: str) -> str:
    """Move an object, and return where it is: `target_uri`, or that with `.1`, `.2` and so on where it is taken.

    The copy is made before the original goes, so that after a crash there is at least one; moving again then ends it.
    Raises ObjectGone where there is no object, ObjectChanged where another took its place meanwhile: that one stays.
    """
    etag = store.head(source_uri).etag
    data = store.read(source_uri, etag=etag)
    for number in count():
        target = f"{target_uri}.{number}" if number else target_uri
        if store.create(target, data) or store.read(target) == data:
            break
    if store.head(source_uri).etag != etag:
        raise ObjectChanged(f"{source_uri!r} has changed while it was moved.")
    store.delete(source_uri)
    return target
