"""From URIs to stores, and from folders and names to URIs."""

import os
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from genre_batch.errors import UsageError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import Store
from genre_batch.storage.uri import is_s3, local_path, local_uri, split_s3, without_secrets

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NEARLY_S3 = re.compile(r"s3:/*", re.IGNORECASE)
_HINT = "give s3://bucket/key, or a path"
_LONGEST_PATH_BYTES, _LONGEST_NAME_BYTES = 4095, 255
_SHOWN = 80
_CREDENTIALS_HINT = "remove them; credentials come from the AWS chain: environment, profile or role"


RequestPayer = Literal["requester"]
"""Who pays for requests to a requester-pays bucket, as S3 calls it."""


def open_store(uri: str, request_payer: RequestPayer | None = None) -> Store:
    """The store of `uri`: S3 for `s3://`, local files for paths and `file://`.

    request_payer: sent with each listing, read and HEAD; a requester-pays bucket refuses them without it.
    Opening it does not connect or read. Raises UsageError for another scheme, or an S3 URI without a bucket.
    """
    check_uri(uri)
    if not is_s3(uri):
        return LocalStore()
    from genre_batch.storage.s3 import S3Store  # botocore is slow to import

    return S3Store(request_payer)


def check_uri(uri: str) -> None:
    """Raise UsageError unless a store can be opened for `uri`. The message never contains a password or key."""
    scheme = _SCHEME.match(uri)
    if scheme and not _NEARLY_S3.match(uri) and not uri.startswith(("file:///", "file://localhost/")):
        raise UsageError(f"{without_secrets(uri)!r} is neither on S3 nor a path.", _HINT)
    address = uri if is_s3(uri) else _NEARLY_S3.sub("s3://", uri, count=1)
    if is_s3(address) and _holds_credentials(address):
        raise UsageError("An S3 URI contains credentials in front of its bucket.", _CREDENTIALS_HINT)
    if is_s3(address) and not is_s3(uri):
        raise UsageError(f"{uri!r} is not an S3 URI.", f"did you mean {address}?")
    if is_s3(uri) and not split_s3(uri)[0]:
        raise UsageError(f"{uri!r} names no bucket.", _HINT)
    if not uri:
        raise UsageError("A path or URI is empty.", _HINT)


def _holds_credentials(uri: str) -> bool:
    """Whether something like `KEY:SECRET@` is in place of the bucket; the secret itself may contain slashes."""
    bucket = split_s3(uri)[0]
    return "@" in bucket or (":" in bucket and not bucket.startswith("arn:"))


def absolute(uri: str) -> str:
    """`uri` as stores list it: S3 URIs as they are, local ones as an absolute path. Raises UsageError as check_uri."""
    check_uri(uri)
    return uri if is_s3(uri) else local_uri(local_path(uri))


def location(uri: str) -> str:
    """The source or output that a user named, as an absolute URI. Raises UsageError for an impossible one."""
    uri = absolute(uri)
    path = b"" if is_s3(uri) else os.fsencode(local_path(uri))
    if b"\0" in path:
        raise UsageError("A path contains a NUL character.", _HINT)
    if len(path) > _LONGEST_PATH_BYTES or max(map(len, path.split(b"/"))) > _LONGEST_NAME_BYTES:
        raise UsageError(f"The path that begins with {uri[:_SHOWN]!r} is too long.", _HINT)
    return uri


UriOrPath = Annotated[str, Field(min_length=1), AfterValidator(location)]
"""A setting that is a URI or path. A relative path becomes absolute: actors run elsewhere."""


def as_folder(uri: str) -> str:
    """`uri` as a folder: absolute, with a trailing slash."""
    uri = absolute(uri)
    return uri if uri.endswith("/") else uri + "/"


def join(base: str, *parts: str) -> str:
    """`parts` below the folder `base`, as an absolute URI. Parts are not interpreted: `..` is a plain name on S3."""
    folder, name = as_folder(base), "/".join(parts)
    return folder + name if is_s3(base) else local_uri(local_path(folder) + name)
