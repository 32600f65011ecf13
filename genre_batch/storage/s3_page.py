"""Pages of a listing, parsed lean: botocore's own parser takes thirty times as long for the keys of a large bucket.

botocore asks before it parses an answer whether someone knows better. What is taken out here are the objects, with the
three facts of them that a listing needs; all else, errors among it, stays in the answer and is parsed by botocore,
which also decodes the keys, wherever they come from.
"""

from typing import TYPE_CHECKING, TypedDict
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

_PAGE = "ListBucketResult"
Found = TypedDict("Found", {"Key": str, "ETag": str, "Size": int})
"""One object of a page, as botocore names what is known of it."""


class Answer(TypedDict):
    """What botocore is about to parse."""

    status_code: int
    body: bytes


def parse_pages_lean(events: "BaseEventHooks") -> None:
    """Let the client whose events these are parse listings lean."""
    events.register("before-parse.s3.ListObjectsV2", _take_objects)


def _take_objects(
    response_dict: Answer, customized_response_dict: dict[str, list[Found]], **_others: object
) -> None:
    """Move the objects of a page from its XML to what botocore adds to the parsed answer.

    An answer that is no page with an etag and a size for each key is left as it is, for botocore to judge.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        page = fromstring(response_dict["body"])
        namespace = page.tag.removesuffix(_PAGE)
        if namespace == page.tag:
            return
        objects = page.findall(f"{namespace}Contents")
        found = [_found(each, namespace) for each in objects]
    except (ParseError, ValueError):
        return
    if found:
        rest = Element(page.tag)
        rest.extend(child for child in page if child.tag != f"{namespace}Contents")
        response_dict["body"] = tostring(rest)
        customized_response_dict["Contents"] = found


def _found(each: Element, namespace: str) -> Found:
    key, etag, size = (each.findtext(namespace + name) for name in ("Key", "ETag", "Size"))
    if not key or etag is None or size is None:
        raise ValueError("an object without a key, an etag or a size")
    return {"Key": key, "ETag": etag, "Size": int(size)}
