"""The boto3 client, with a fast parser for listings: botocore's own takes many times as long for a large bucket.

A botocore event fires before a response is parsed. The handler here removes the objects from the XML, keeping the four
facts that a listing needs, and leaves everything else, including errors, to botocore. It knows only the usual form of a
page; a page in any other form is left to botocore entirely.
"""

import os
import re
from html import unescape
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from urllib.parse import unquote_plus

from genre_batch.storage.pace import Paces
from genre_batch.storage.request_counts import count_requests
from genre_batch.storage.store import seconds_in_utc

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_OBJECT = re.compile(
    r"<Contents>\s*"
    r"(?:(?:<Key>([^<]++)</Key>|<ETag>([^<]++)</ETag>|<Size>([0-9]++)</Size>|<LastModified>([^<]*+)</LastModified>|"
    r"<(?!Key>|ETag>|Size>|LastModified>)(\w++)>[^<]*+</\5>)\s*+)*+"
    r"</Contents>"
)
_BEGIN, _END = "<Contents>", "</Contents>"
_BEGINNING = re.compile(
    r"""(?:<\?xml version=["']1\.0["'](?: encoding=["']utf-8["'])? *\?>)?\s*<ListBucketResult[ >]""", re.IGNORECASE
)
_QUOTE = "&quot;"
_ENTITIES = (_QUOTE, "&amp;", "&lt;", "&gt;", "&apos;")
_OBJECTS = "Objects"
_SECONDS = len("2026-11-29T01:00:00")
# botocore's own handler for all operations, which parses a whole response to look for errors, runs after this one only
# if the service is a wildcard; if it ran first, pages would take longer with the same result
_BEFORE_OTHERS = "before-parse.*.ListObjectsV2"


class Objects(NamedTuple):
    """The objects of a page in its order: decoded keys, etags without quotes, times as `ObjectPage` has them."""

    keys: list[str]
    etags: list[str]
    sizes_bytes: list[int]
    modified: list[str]


class RawResponse(TypedDict):
    """A response that botocore is about to parse."""

    status_code: int
    body: bytes


def parse_pages_fast(events: "BaseEventHooks") -> None:
    """Make the client that these events belong to parse listings with the fast parser."""
    events.register(_BEFORE_OTHERS, _take_objects)


def objects_of(page: "ListObjectsV2OutputTypeDef") -> Objects:
    """The objects of a page, whichever parser was used."""
    taken = page.get(_OBJECTS)
    if isinstance(taken, Objects):
        return taken
    found = page.get("Contents", [])
    return Objects(
        [each["Key"] for each in found],
        [each["ETag"].strip('"') for each in found],
        [each["Size"] for each in found],
        [seconds_in_utc(each.get("LastModified")) for each in found],
    )


def _take_objects(response_dict: RawResponse, customized_response_dict: dict[str, Objects], **_others: object) -> None:
    """Move the objects of a page from its XML to what botocore adds to the parsed response.

    A response that is not a page in the usual form is left unchanged for botocore.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        objects, rest = _parted(response_dict["body"].decode())
    except ValueError:
        return
    response_dict["body"] = rest.encode()
    customized_response_dict[_OBJECTS] = objects


def _parted(page: str) -> tuple[Objects, str]:
    """The objects of a page, and the page without them. Raises ValueError if it is not in the usual form."""
    found = _OBJECT.findall(page)
    if page.count(_BEGIN) == len(found) == page.count(_END + _BEGIN) + 1:
        rest = page[: page.find(_BEGIN)] + page[page.rfind(_END) + len(_END) :]
    else:  # there is something between two of them, or there are none
        rest = _OBJECT.sub("", page)
    if not _BEGINNING.match(rest) or "<Contents" in rest or "\r" in page or ("!" in page and "<!" in page):
        raise ValueError("not in the usual form")
    keys, etags, sizes, times, _ = map(list, zip(*found, strict=True)) if found else ([], [], [], [], [])
    if not (all(keys) and all(etags) and all(sizes)):
        raise ValueError("an object without a key, an etag or a size")
    keys = _plain(keys)
    if "<EncodingType>url</EncodingType>" in rest:
        keys = [unquote_plus(key) if "%" in key or "+" in key else key for key in keys]
    etags = [etag[6:-6] if etag[:6] == etag[-6:] == _QUOTE else etag for etag in etags]
    modified = [time[:_SECONDS] if time[-1:] == "Z" else "" for time in times]
    return Objects(keys, [etag.strip('"') for etag in _plain(etags)], list(map(int, sizes)), modified), rest


def _plain(texts: list[str]) -> list[str]:
    """The texts without entities. Raises ValueError if one has an entity that XML does not know without a DTD."""
    every = "".join(texts)
    count = every.count("&")
    if count and count != sum(map(every.count, _ENTITIES)):
        raise ValueError("not in the usual form")
    return [unescape(text) for text in texts] if count else texts


if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READ_TIMEOUT_S = 20
"""How long a server may send nothing, before a response or in the middle of one."""

_LOCK = Lock()
_CLIENTS: dict[tuple[object, ...], "S3Client"] = {}


def s3_client() -> "S3Client":
    """The client of this process, created on first use; all threads may call its methods.

    Credentials, region and endpoint come from the AWS default chain. After a fork, or a change of the `AWS_...`
    environment variables, there is a new client.
    """
    key = (os.getpid(), *sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    with _LOCK:
        if key not in _CLIENTS:
            _CLIENTS.clear()
            _CLIENTS[key] = _make_client()
        return _CLIENTS[key]


def _make_client() -> "S3Client":
    import boto3
    from botocore.config import Config

    config = Config(
        max_pool_connections=64,
        connect_timeout=10,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 5},
        # not every server supports the newer checksums; our writes send Content-MD5, which all do
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.session.Session().client("s3", config=config)
    parse_pages_fast(client.meta.events)
    count_requests(client.meta.events)
    Paces().register(client.meta.events)
    return client
