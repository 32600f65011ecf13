"""Pages of a listing, parsed lean: botocore's own parser takes thirty times as long for the keys of a large bucket.

botocore asks before it parses an answer whether someone knows better. What is taken out here are the objects, with the
three facts of them that a listing needs; all else, errors among it, stays in the answer and is parsed by botocore.
"""

from typing import TYPE_CHECKING, NamedTuple, TypedDict
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_PAGE = "ListBucketResult"
_OBJECTS = "Objects"
# botocore's own handler for all operations, which parses a whole answer to look for errors, comes after this one only
# if the service is a wildcard; were it to come first, pages would take longer and be the same
_BEFORE_OTHERS = "before-parse.*.ListObjectsV2"


class Objects(NamedTuple):
    """The objects of a page, in its order: keys as they are, etags without quotes."""

    keys: list[str]
    etags: list[str]
    sizes_bytes: list[int]


class Answer(TypedDict):
    """What botocore is about to parse."""

    status_code: int
    body: bytes


def parse_pages_lean(events: "BaseEventHooks") -> None:
    """Let the client whose events these are parse listings lean."""
    events.register(_BEFORE_OTHERS, _take_objects)


def objects_of(page: "ListObjectsV2OutputTypeDef") -> Objects:
    """The objects of a page, whoever parsed it."""
    taken = page.get(_OBJECTS)
    if isinstance(taken, Objects):
        return taken
    found = page.get("Contents", [])
    return Objects(
        [each["Key"] for each in found], [each["ETag"].strip('"') for each in found], [each["Size"] for each in found]
    )


def _take_objects(response_dict: Answer, customized_response_dict: dict[str, Objects], **_others: object) -> None:
    """Move the objects of a page from its XML to what botocore adds to the parsed answer.

    An answer that is no page with one key, etag and size for each object is left as it is, for botocore to judge.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        page = fromstring(response_dict["body"])
        objects, rest = _parted(page, page.tag.removesuffix(_PAGE))
    except (ParseError, ValueError):
        return
    response_dict["body"] = tostring(rest)
    customized_response_dict[_OBJECTS] = objects


def _parted(page: Element, namespace: str) -> tuple[Objects, Element]:
    """The objects of a page, and the page without them. Raises ValueError where it is not such a page."""
    if page.tag != namespace + _PAGE:
        raise ValueError("no page of a listing")
    rest = Element(page.tag)
    rest.extend(child for child in page if child.tag != f"{namespace}Contents")
    keys, etags, sizes = ([each.text or "" for each in page.iter(namespace + n)] for n in ("Key", "ETag", "Size"))
    if not len(keys) == len(etags) == len(sizes) == len(page) - len(rest) or "" in keys:
        raise ValueError("an object without one key, one etag and one size")
    if page.findtext(f"{namespace}EncodingType") == "url":
        keys = [unquote_plus(key) if "%" in key or "+" in key else key for key in keys]
    return Objects(keys, [etag.strip('"') for etag in etags], list(map(int, sizes))), rest
