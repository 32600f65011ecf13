"""A store in a dictionary, for the interleaving tests: its whole state can be copied at any step."""

import hashlib
from collections.abc import Iterator

from genre_batch.storage.store import ObjectChanged, ObjectGone, StoredObject


class MemoryStore:
    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.denied: dict[str, Exception] = {}

    def list(self, prefix: str) -> Iterator[StoredObject]:
        yield from [self.head(uri) for uri in sorted(self.objects) if uri.startswith(prefix)]

    def folders(self, prefix: str) -> "list[str]":
        below = [uri.removeprefix(prefix) for uri in self.objects if uri.startswith(prefix)]
        return sorted({f"{prefix}{rest.split('/')[0]}/" for rest in below if "/" in rest})

    def head(self, uri: str) -> StoredObject:
        if uri not in self.objects:
            raise ObjectGone(uri)
        return StoredObject(uri, hashlib.md5(self.objects[uri]).hexdigest(), len(self.objects[uri]))

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        if etag is not None and self.head(uri).etag != etag:
            raise ObjectChanged(uri)
        if uri in self.denied:
            raise self.denied[uri]
        self.head(uri)
        return self.objects[uri][start : None if length is None else start + length]

    def write(self, uri: str, data: bytes) -> None:
        self.objects[uri] = data

    def create(self, uri: str, data: bytes) -> bool:
        if uri in self.objects:
            return False
        self.objects[uri] = data
        return True

    def replace(self, uri: str, data: bytes, etag: str) -> bool:
        if uri not in self.objects or self.head(uri).etag != etag:
            return False
        self.objects[uri] = data
        return True

    def delete(self, uri: str) -> None:
        self.objects.pop(uri, None)
