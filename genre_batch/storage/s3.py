"""S3 and compatible servers as a store."""

import base64
import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from genre_batch.storage.s3_attempts import ShortBody, attempt, code_of, is_about_credentials, read_body, status_of
from genre_batch.storage.s3_client import objects_of, s3_client
from genre_batch.storage.store import ObjectChanged, ObjectGone, ObjectPage, ReadFailed, StoredObject, WriteFailed
from genre_batch.storage.uri import split_s3

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        HeadObjectOutputTypeDef,
        HeadObjectRequestTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestTypeDef,
        PutObjectRequestTypeDef,
    )

_PAGE_KEYS = 1000
_Payer = Literal["requester"] | None
_WRITER = "writer"
_REFUSALS = frozenset({"400", "403"})
_CONTENT_RANGE = re.compile(r"bytes (?P<start>\d+)-\d+/(?P<total_bytes>\d+)")


class S3Store:
    """Implements `Store` for `s3://` URIs. Writes are single PUTs (up to 5 GB), because only these honour conditions.

    Conditional writes put a random `writer` into the object's metadata. If a response is lost and the request is sent
    again, this shows whether the object that is now there is our own.

    request_payer: sent with each listing, read and HEAD; a requester-pays bucket refuses them without it.
    """

    def __init__(self, request_payer: _Payer = None) -> None:
        self._payer = request_payer

    def folders(self, prefix: str, *, scan: int | None = None) -> list[str]:
        """See `Store.folders`; `scan` is rounded up to whole pages of 1000."""
        bucket, _ = split_s3(prefix)
        pages = islice(_pages(prefix, self._payer, delimiter="/"), None if scan is None else -(-scan // _PAGE_KEYS))
        return [f"s3://{bucket}/{found['Prefix']}" for page in pages for found in page.get("CommonPrefixes", [])]

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """See `Store.list`. One request per 1000 objects."""
        for page in self.pages(prefix, after=after):
            yield from map(StoredObject, page.uris, page.etags, page.sizes_bytes)

    def pages(self, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """See `Store.pages`. One request per page."""
        bucket, _ = split_s3(prefix)
        for page in _pages(prefix, self._payer, after=split_s3(after)[1]):
            found = objects_of(page)
            yield ObjectPage([f"s3://{bucket}/{key}" for key in found.keys], *found[1:])

    def head(self, uri: str) -> StoredObject:
        """See `Store.head`."""
        found = _head_object(uri, ReadFailed, self._payer)
        return StoredObject(uri, found["ETag"].strip('"'), found["ContentLength"], found["LastModified"])

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.read`. One request, which is retried as a whole."""
        data = attempt(lambda: _get(uri, etag, start, length, self._payer), uri, ReadFailed) if length != 0 else None
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
        # AWS wants the etag in quotes; Ceph's gateway then reports a mismatch, even if a HEAD shows the same etag
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
        """Check the version for a response without bytes, which nothing else has checked."""
        if self.head(uri).etag != etag and etag is not None:
            raise ObjectChanged(f"{uri!r} has changed since it was listed.")


def _pages(
    prefix: str, payer: _Payer, *, after: str = "", delimiter: str = ""
) -> Iterator["ListObjectsV2OutputTypeDef"]:
    """The pages of a listing of the folder `prefix`. Each is retried on its own, so that a long listing goes on."""
    bucket, key = split_s3(prefix)
    folder = key if key.endswith("/") or not key else key + "/"
    request: ListObjectsV2RequestTypeDef = {"Bucket": bucket, "Prefix": folder, "MaxKeys": _PAGE_KEYS}
    if payer:
        request["RequestPayer"] = payer
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


def _head_object(uri: str, failed: type[ReadFailed | WriteFailed], payer: _Payer = None) -> "HeadObjectOutputTypeDef":
    """The facts of an object. A refused HEAD has no body, so a GET of one byte is sent to learn why it was refused."""
    bucket, key = split_s3(uri)
    request: HeadObjectRequestTypeDef = {"Bucket": bucket, "Key": key}
    if payer:
        request["RequestPayer"] = payer

    def unit() -> "HeadObjectOutputTypeDef":
        try:
            return s3_client().head_object(**request)
        except ClientError as error:
            if code_of(error) in _REFUSALS:
                _raise_reason(uri, payer)
            raise

    return attempt(unit, uri, failed)


def _raise_reason(uri: str, payer: _Payer) -> None:
    """Raise the error of a GET of one byte if every request would get it."""
    try:
        _get(uri, None, 0, 1, payer)
    except ClientError as error:
        if is_about_credentials(error):
            raise


def _get(uri: str, etag: str | None, start: int, length: int | None, payer: _Payer) -> bytes | None:
    """The requested bytes; None if the object ends before `start`."""
    bucket, key = split_s3(uri)
    request: GetObjectRequestTypeDef = {"Bucket": bucket, "Key": key}
    if payer:
        request["RequestPayer"] = payer
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
    return _complete_body(data, response, start, length)


def _complete_body(data: bytes, response: "GetObjectOutputTypeDef", start: int, length: int | None) -> bytes:
    """`data` if the body is complete and has the requested range; a server may also ignore the range."""
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
    """Send the object; False if its condition does not hold. AWS answers If-Match with 404 if there is no object."""
    try:
        s3_client().put_object(**request)
    except ClientError as error:
        if status_of(error) == 412 or code_of(error) == "NoSuchKey":
            return False
        raise
    return True


@dataclass(frozen=True, slots=True)
class _State:
    """The version at a URI and its writer, both "" if there is no object."""

    etag: str = ""
    writer: str = ""


def _state(uri: str) -> _State:
    try:
        found = _head_object(uri, WriteFailed)
    except ObjectGone:
        return _State()
    return _State(found["ETag"].strip('"'), found["Metadata"].get(_WRITER, ""))
