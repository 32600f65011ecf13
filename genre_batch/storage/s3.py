"""S3, and servers that speak its language, as a store."""

import base64
import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from genre_batch.storage.s3_attempts import ShortBody, attempt, code_of, status_of
from genre_batch.storage.s3_body import read_body
from genre_batch.storage.s3_client import s3_client
from genre_batch.storage.s3_page import objects_of
from genre_batch.storage.store import ObjectChanged, ObjectGone, ObjectPage, ReadFailed, StoredObject, WriteFailed
from genre_batch.storage.uri import split_s3

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        HeadObjectOutputTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestTypeDef,
        PutObjectRequestTypeDef,
    )

_PAGE_KEYS = 1000
_WRITER = "writer"
_CONTENT_RANGE = re.compile(r"bytes (?P<start>\d+)-\d+/(?P<total_bytes>\d+)")


class S3Store:
    """Implements `Store` for `s3://` URIs. Writes are single PUTs (up to 5 GB), which conditions hold for.

    Conditional writes carry a random `writer` in the object's metadata: when an answer is lost and the request sent
    again, it tells our own object from another's.
    """

    def folders(self, prefix: str, *, scan: int | None = None) -> list[str]:
        """See `Store.folders`; `scan` is rounded up to whole pages of 1000."""
        bucket, _ = split_s3(prefix)
        pages = islice(_pages(prefix, delimiter="/"), None if scan is None else -(-scan // _PAGE_KEYS))
        return [f"s3://{bucket}/{found['Prefix']}" for page in pages for found in page.get("CommonPrefixes", [])]

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """See `Store.list`. One request for 1000 objects."""
        for page in self.pages(prefix, after=after):
            yield from map(StoredObject, page.uris, page.etags, page.sizes_bytes)

    def pages(self, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """See `Store.pages`. One request a page."""
        bucket, _ = split_s3(prefix)
        for page in _pages(prefix, after=split_s3(after)[1]):
            found = objects_of(page)
            yield ObjectPage([f"s3://{bucket}/{key}" for key in found.keys], found.etags, found.sizes_bytes)

    def head(self, uri: str) -> StoredObject:
        """See `Store.head`."""
        found = _head(uri, ReadFailed)
        return StoredObject(uri, found["ETag"].strip('"'), found["ContentLength"], found["LastModified"])

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.read`. One request; it is the unit that is tried again."""
        data = attempt(lambda: _get(uri, etag, start, length), uri, ReadFailed) if length != 0 else None
        if data is None:
            self._check_version(uri, etag)
        return data or b""

    def write(self, uri: str, data: bytes) -> None:
        """See `Store.write`."""
        attempt(lambda: _put(_put_request(uri, data)), uri, WriteFailed)

    def create(self, uri: str, data: bytes) -> bool:
        """See `Store.create`."""
        request = _put_request(uri, data)
        request["IfNoneMatch"] = "*"
        return attempt(lambda: _put(request), uri, WriteFailed) or _state(uri).writer == request["Metadata"][_WRITER]

    def replace(self, uri: str, data: bytes, etag: str) -> bool:
        """See `Store.replace`."""
        request = _put_request(uri, data)
        # AWS wants the etag in quotes; Ceph's gateway finds it different then, though a HEAD shows that it is the same
        for spelling in (f'"{etag}"', etag):
            request["IfMatch"] = spelling
            if attempt(lambda: _put(request), uri, WriteFailed):
                return True
            now = _state(uri)
            if now.etag != etag or now.writer == request["Metadata"][_WRITER]:
                return now.writer == request["Metadata"][_WRITER]
        return False

    def delete(self, uri: str) -> None:
        """See `Store.delete`."""
        bucket, key = split_s3(uri)
        attempt(lambda: s3_client().delete_object(Bucket=bucket, Key=key), uri, WriteFailed)

    def _check_version(self, uri: str, etag: str | None) -> None:
        """For an answer without bytes, whose version nothing else has checked."""
        if self.head(uri).etag != etag and etag is not None:
            raise ObjectChanged(f"{uri!r} has changed since it was listed.")


def _pages(prefix: str, *, after: str = "", delimiter: str = "") -> Iterator["ListObjectsV2OutputTypeDef"]:
    """Pages of a listing of the folder `prefix`; each is a unit of its own, so that a long listing can go on."""
    bucket, key = split_s3(prefix)
    folder = key if key.endswith("/") or not key else key + "/"
    request: ListObjectsV2RequestTypeDef = {"Bucket": bucket, "Prefix": folder, "MaxKeys": _PAGE_KEYS}
    if after:
        request["StartAfter"] = after
    if delimiter:
        request["Delimiter"] = delimiter
    while True:
        page = attempt(lambda: s3_client().list_objects_v2(**request), prefix, ReadFailed)
        yield page
        if not page["IsTruncated"]:
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def _head(uri: str, failed: type[ReadFailed | WriteFailed]) -> "HeadObjectOutputTypeDef":
    bucket, key = split_s3(uri)
    return attempt(lambda: s3_client().head_object(Bucket=bucket, Key=key), uri, failed)


def _get(uri: str, etag: str | None, start: int, length: int | None) -> bytes | None:
    """The bytes asked for; None where the object ends before them."""
    bucket, key = split_s3(uri)
    request: GetObjectRequestTypeDef = {"Bucket": bucket, "Key": key}
    if etag is not None:
        request["IfMatch"] = f'"{etag}"'
    if start or length is not None:
        request["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
    try:
        response = s3_client().get_object(**request)
    except ClientError as error:
        if status_of(error) == 416:
            return None
        raise
    data = read_body(response["Body"])
    if etag is not None and response["ETag"].strip('"') != etag:
        raise ObjectChanged(f"{uri!r} has changed since it was listed.")
    return _checked(data, response, start, length)


def _checked(data: bytes, response: "GetObjectOutputTypeDef", start: int, length: int | None) -> bytes:
    """`data` if the body is whole and the range the one asked for; a server may also ignore the range."""
    if len(data) != response["ContentLength"]:
        raise ShortBody
    content_range = response.get("ContentRange", "")
    if not content_range:
        return data[start:][:length]
    span = _CONTENT_RANGE.fullmatch(content_range)
    if span is None or int(span["start"]) != start:
        raise ShortBody
    left_bytes = int(span["total_bytes"]) - start
    if len(data) != (left_bytes if length is None else min(length, left_bytes)):
        raise ShortBody
    return data


def _put_request(uri: str, data: bytes) -> "PutObjectRequestTypeDef":
    bucket, key = split_s3(uri)
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {
        "Bucket": bucket,
        "Key": key,
        "Body": data,
        "ContentMD5": base64.b64encode(digest).decode(),
        "Metadata": {_WRITER: uuid.uuid4().hex},
    }


def _put(request: "PutObjectRequestTypeDef") -> bool:
    """Send the object; False where its condition does not hold. AWS says 404 to If-Match where there is no object."""
    try:
        s3_client().put_object(**request)
    except ClientError as error:
        if status_of(error) == 412 or code_of(error) == "NoSuchKey":
            return False
        raise
    return True


@dataclass(frozen=True, slots=True)
class _State:
    """What is at a URI now: nothing, or a version and who wrote it."""

    etag: str = ""
    writer: str = ""


def _state(uri: str) -> _State:
    try:
        found = _head(uri, WriteFailed)
    except ObjectGone:
        return _State()
    return _State(found["ETag"].strip('"'), found["Metadata"].get(_WRITER, ""))
