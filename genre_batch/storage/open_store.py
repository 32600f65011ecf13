"""A URI becomes a store; folders and names become URIs."""

import os
import re

from genre_batch.errors import UsageError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import Store
from genre_batch.storage.uri import is_s3, local_path, local_uri, split_s3, without_secrets

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HINT = "give s3://bucket/key, or a path"
_LONGEST_PATH_BYTES, _LONGEST_NAME_BYTES = 4095, 255
_SHOWN = 80
_CREDENTIALS_HINT = "take them out; they come from the AWS chain: environment, profile or role"


def open_store(uri: str) -> Store:
    """The store that `uri` lies in: S3 for `s3://`, this machine's files for paths and `file://`.

    Nothing is read or connected to yet. Raises UsageError for another scheme, or where the bucket is missing.
    """
    check_uri(uri)
    if not is_s3(uri):
        return LocalStore()
    from genre_batch.storage.s3 import S3Store  # botocore takes its time

    return S3Store()


def check_uri(uri: str) -> None:
    """Raise UsageError unless a store can be opened for `uri`; its message holds no password or key of `uri`."""
    scheme = _SCHEME.match(uri)
    if scheme and not uri.startswith(("s3://", "file:///", "file://localhost/")):
        raise UsageError(f"{without_secrets(uri)!r} is neither on S3 nor a path.", _HINT)
    if is_s3(uri) and _holds_credentials(uri):
        raise UsageError("An address has credentials in front of its bucket.", _CREDENTIALS_HINT)
    if is_s3(uri) and not split_s3(uri)[0]:
        raise UsageError(f"{uri!r} names no bucket.", _HINT)
    if not uri:
        raise UsageError("A path or URI is empty.", _HINT)


def _holds_credentials(uri: str) -> bool:
    """Whether something like `KEY:SECRET@` stands where the bucket should; a secret may hold slashes itself."""
    bucket = split_s3(uri)[0]
    return "@" in bucket or (":" in bucket and not bucket.startswith("arn:"))


def absolute(uri: str) -> str:
    """`uri` as stores list it: S3 URIs as they are, local ones as an absolute path. Raises UsageError as check_uri."""
    check_uri(uri)
    return uri if is_s3(uri) else local_uri(local_path(uri))


def location(uri: str) -> str:
    """What a user names as a place, absolute. Raises UsageError as check_uri, and for a path that no file can have."""
    uri = absolute(uri)
    path = b"" if is_s3(uri) else os.fsencode(local_path(uri))
    if b"\0" in path:
        raise UsageError("A path holds a NUL character.", _HINT)
    if len(path) > _LONGEST_PATH_BYTES or max(map(len, path.split(b"/"))) > _LONGEST_NAME_BYTES:
        raise UsageError(f"The path that begins with {uri[:_SHOWN]!r} is too long.", _HINT)
    return uri


def as_folder(uri: str) -> str:
    """`uri` as a folder: absolute, with a slash at its end."""
    uri = absolute(uri)
    return uri if uri.endswith("/") else uri + "/"


def join(base: str, *parts: str) -> str:
    """`parts` below the folder `base`, as an absolute URI. Parts are taken as they are: `..` is a plain name on S3."""
    folder, name = as_folder(base), "/".join(parts)
    return folder + name if is_s3(base) else local_uri(local_path(folder) + name)
