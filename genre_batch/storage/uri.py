"""What a URI stands for: a bucket and a key, or a local path. Names come back byte for byte."""

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

_S3 = "s3://"
_FILE = "file://"


def is_s3(uri: str) -> bool:
    """Whether the URI names an object, a prefix or a bucket of S3."""
    return uri.startswith(_S3)


def split_s3(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. The key is everything after the first slash, as it stands."""
    bucket, _, key = uri.removeprefix(_S3).partition("/")
    return bucket, key


def local_path(uri: str) -> str:
    """The absolute path behind a local URI: a path, or `file:///` with percent-encoding.

    A relative path counts from the working folder, `~/` from the home folder. A trailing slash is kept. Bytes that
    are no UTF-8 come back as Python's surrogate escapes.
    """
    if uri.startswith(_FILE):
        encoded = uri.removeprefix(_FILE).removeprefix("localhost")
        return os.fsdecode(unquote_to_bytes(encoded))
    if uri.startswith("/"):
        return uri
    path = os.fspath((Path(uri).expanduser() if uri.startswith("~/") else Path(uri)).absolute())
    return os.path.normpath(path) + ("/" if uri.endswith("/") else "")


def without_secrets(uri: str) -> str:
    """`uri` for a message: of a web address neither what stands before its last `@` nor its query."""
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
    """The same URI in its percent-encoded form: how those begin that are below `path` and are not UTF-8."""
    return _FILE + quote_from_bytes(os.fsencode(path))


def is_utf8(path: str) -> bool:
    """Whether a path, as Python spells it, has no surrogate escapes."""
    return not any("\ud800" <= character <= "\udfff" for character in path)
