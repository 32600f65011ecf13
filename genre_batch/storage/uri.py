"""Parts of a URI: bucket and key, or a local path. Names are preserved byte for byte."""

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

_S3 = "s3://"
_FILE = "file://"


def is_s3(uri: str) -> bool:
    """Whether the URI names an object, a prefix or a bucket on S3."""
    return uri.startswith(_S3)


def split_s3(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. The key is everything after the first slash, unchanged."""
    bucket, _, key = uri.removeprefix(_S3).partition("/")
    return bucket, key


def local_path(uri: str) -> str:
    """The absolute path behind a local URI: a path, or `file:///` with percent-encoding.

    A relative path is resolved against the working folder, `~/` against the home folder. A trailing slash is kept.
    Bytes that are not UTF-8 become Python's surrogate escapes.
    """
    if uri.startswith(_FILE):
        encoded = uri.removeprefix(_FILE).removeprefix("localhost")
        return os.fsdecode(unquote_to_bytes(encoded))
    if uri.startswith("/"):
        return uri
    path = os.fspath((Path(uri).expanduser() if uri.startswith("~/") else Path(uri)).absolute())
    return os.path.normpath(path) + ("/" if uri.endswith("/") else "")


def without_secrets(uri: str) -> str:
    """`uri` for a message, without what a URL has before its last `@` and in its query."""
    scheme, marks, rest = uri.partition("://")
    if not marks:
        return uri
    before, at, place = rest.rpartition("@")
    path, question, _ = place.partition("?")
    return scheme + marks + ("..." if before else "") + at + path + (f"{question}..." if question else "")


def local_uri(path: str) -> str:
    """The URI of an absolute path: the path itself, or `file:///` with percent-encoding where it is not UTF-8."""
    return path if is_utf8(path) else encoded_uri(path)


def encoded_uri(path: str) -> str:
    """The percent-encoded URI of an absolute path: the prefix of all URIs below it that are not UTF-8."""
    return _FILE + quote_from_bytes(os.fsencode(path))


def is_utf8(path: str) -> bool:
    """Whether a path is UTF-8: whether Python's form of it has no surrogate escapes."""
    return not any("\ud800" <= character <= "\udfff" for character in path)
