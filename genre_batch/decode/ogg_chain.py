"""Whether a large Ogg file consists of several, without reading more of it than necessary."""

import re
from typing import BinaryIO

from genre_batch.decode.ogg_pages import CAPTURE, MAX_PAGE_BYTES, TAIL_BYTES, Page, pages
from genre_batch.storage.ranged_file import BLOCK_BYTES, expect, is_in_memory, read_at

_LIKELY_PAGES = 1.04
"""The pages of one stream are usually, on average, at most this many times as long as those near its head or tail."""

_MAX_STEPS = 24
_STREAM_BEGINS = re.compile(re.escape(CAPTURE) + rb"[\x02\x06]")
"""The first page of a stream, which may be its last one, too."""


def may_be_chained(source: BinaryIO, size_bytes: int) -> bool:
    """Whether a stream begins after the first one's sound.

    In one stream, page numbers and granules grow with the bytes, and start again from 0 in the next one. The head and
    the tail, which are read anyway, usually tell: the last page has the number that it should have at that byte. If it
    does not, the pages in the middle are counted in the same way; if they do not account for all bytes, either, the
    place where the numbers start again is searched for by halving. That may miss a first stream of 2 % of the bytes.
    Of a file in memory, all pages are looked at.
    """
    head = list(pages(read_at(source, 0, TAIL_BYTES)))
    start = max(0, size_bytes - TAIL_BYTES)
    tail = list(pages(read_at(source, start, TAIL_BYTES), start))
    if not head or not tail or len({page.serial for page in (head[0], *tail)}) > 1:
        return True
    if any(page.begins_stream for page in tail if page.start > 0) or _begins_again(head):
        return True
    with_sound = [page for page in head if page.granule > 0] or head
    if is_in_memory(source):
        return _STREAM_BEGINS.search(read_at(source, with_sound[0].end, size_bytes)) is not None
    if _are_all_numbered(with_sound, tail):
        return False
    low, high = with_sound[-1], tail[0]
    middle = _pages_at(source, (low.start + high.start) // 2)
    if not middle or not low.number < middle[0].number <= middle[-1].number < high.number:
        return bool(middle) or high.number <= low.number
    if _are_all_numbered(with_sound, middle) and _are_all_numbered(middle, tail):
        return False
    return _restarts(source, low, high)


def _are_all_numbered(some: list[Page], later: list[Page]) -> bool:
    """Whether the number of the last page accounts for all bytes, with pages as long as the longer ones of both."""
    first, last = some[0], later[-1]
    near = [_mean_bytes(whole) for whole in (some, later[:-1]) if whole]
    return last.end - first.start <= _LIKELY_PAGES * max(near) * (last.number - first.number + 1)


def _mean_bytes(some: list[Page]) -> float:
    return sum(page.end - page.start for page in some) / len(some)


def _begins_again(head: list[Page]) -> bool:
    with_sound = next((page.start for page in head if page.granule > 0), None)
    return with_sound is not None and any(page.begins_stream and page.start > with_sound for page in head)


def _restarts(source: BinaryIO, low: Page, high: Page) -> bool:
    """Whether a stream begins between two pages: halves towards where fewer pages are numbered for the bytes."""
    for _ in range(_MAX_STEPS):
        if high.number <= low.number or high.granule < low.granule >= 0:
            return True
        if high.start - low.end <= 2 * BLOCK_BYTES:
            between = read_at(source, low.end, high.start - low.end)
            return any(page.begins_stream for page in pages(between))
        middle = _page_at(source, (low.end + high.start) // 2)
        if middle is None or not low.start < middle.start < high.start:
            return True
        first, second = (_numbered(one, other) for one, other in ((low, middle), (middle, high)))
        low, high = (low, middle) if first < second else (middle, high)
    return False


def _numbered(low: Page, high: Page) -> float:
    return (high.number - low.number) / max(1, high.start - low.start)


def _page_at(source: BinaryIO, byte: int) -> Page | None:
    """The first page with a granule that begins in the block that contains `byte`, or soon after it."""
    return next(iter(_pages_at(source, byte)), None)


def _pages_at(source: BinaryIO, byte: int) -> list[Page]:
    """The pages with a granule that begin in the block that contains `byte`, or soon after it."""
    start = byte // BLOCK_BYTES * BLOCK_BYTES
    for length in (BLOCK_BYTES, 2 * MAX_PAGE_BYTES):
        expect(source, start, start + length)
        found = [page for page in pages(read_at(source, start, length), start) if page.granule >= 0]
        if found:
            return found
    return []
