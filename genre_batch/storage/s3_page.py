"""Pages of a listing, parsed lean: botocore's own parser takes many times as long for the keys of a large bucket.

botocore asks before it parses an answer whether someone knows better. What is taken out here are the objects, with the
three facts of them that a listing needs; all else, errors among it, stays in the answer and is parsed by botocore. Only
the plain form in which servers write their pages is known here; a page in any other is left to botocore as a whole.
"""

import re
from html import unescape
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_OBJECT = re.compile(
    r"<Contents>\s*"
    r"(?:(?:<Key>([^<]+)</Key>|<ETag>([^<]+)</ETag>|<Size>([0-9]+)</Size>|<(?!Key>|ETag>|Size>)(\w+)>[^<]*</\4>)\s*)*"
    r"</Contents>"
)
_BEGINNING = re.compile(
    r"""(?:<\?xml version=["']1\.0["'](?: encoding=["']utf-8["'])? *\?>)?\s*<ListBucketResult[ >]""", re.IGNORECASE
)
_UNUSUAL = re.compile(r"<!|\r|&(?!(?:amp|lt|gt|quot|apos);)")
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

    An answer that is no page, or none of the plain form, is left as it is, for botocore to judge.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        # quotes need no escape between tags, and each etag has two of them
        objects, rest = _parted(response_dict["body"].decode().replace("&quot;", '"'))
    except ValueError:
        return
    response_dict["body"] = rest.encode()
    customized_response_dict[_OBJECTS] = objects


def _parted(page: str) -> tuple[Objects, str]:
    """The objects of a page, and the page without them. Raises ValueError where it is not of the plain form."""
    found, rest = _OBJECT.findall(page), _OBJECT.sub("", page)
    if not _BEGINNING.match(rest) or "<Contents" in rest or _UNUSUAL.search(page):
        raise ValueError("not of the plain form")
    keys, etags, sizes = ([each[place] for each in found] for place in range(3))
    if not (all(keys) and all(etags) and all(sizes)):
        raise ValueError("an object without a key, an etag or a size")
    keys = [unescape(key) if "&" in key else key for key in keys]
    if "<EncodingType>url</EncodingType>" in rest:
        keys = [unquote_plus(key) if "%" in key or "+" in key else key for key in keys]
    etags = [unescape(etag) if "&" in etag else etag for etag in etags]
    return Objects(keys, [etag.strip('"') for etag in etags], list(map(int, sizes))), rest
