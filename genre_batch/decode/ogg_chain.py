"""Whether a large Ogg file consists of several, without reading all of it."""

from typing import BinaryIO

from genre_batch.decode.ogg_pages import MAX_PAGE_BYTES, TAIL_BYTES, Page, pages
from genre_batch.storage.ranged_file import BLOCK_BYTES, expect, read_at

_LIKELY = 0.15
"""How far from proportional to the bytes the granules of one stream are in its middle, at the most usually."""

_LIKELY_PAGES = 1.12
"""How many times the bytes of the pages near its head and tail the pages of one stream have, at the most usually."""

_MAX_STEPS = 24


def may_be_chained(source: BinaryIO, size_bytes: int) -> bool:
    """Whether a stream begins after the first one's sound.

    In one stream, page numbers and granules grow with the bytes, and start again from 0 in the next one. The head and
    the tail, which are read anyway, usually tell: the last page has the number that it should have at that byte. If it
    does not, the middle is looked at; if that is not where it should be, either, the place where the numbers start
    again is searched for by halving.
    """
    head = list(pages(read_at(source, 0, TAIL_BYTES)))
    start = max(0, size_bytes - TAIL_BYTES)
    tail = list(pages(read_at(source, start, TAIL_BYTES), start))
    if not head or not tail or len({page.serial for page in (head[0], *tail)}) > 1:
        return True
    if any(page.begins_stream for page in tail if page.start > 0) or _begins_again(head):
        return True
    if _are_all_numbered(head, tail):
        return False
    low, high = head[-1], tail[0]
    middle = _page_at(source, (low.start + high.start) // 2)
    if middle is None or middle.granule < 0 or high.granule <= low.granule:
        return middle is not None and high.granule <= low.granule
    share = (middle.start - low.start) / max(1, high.start - low.start)
    expected = low.granule + share * (high.granule - low.granule)
    if abs(middle.granule - expected) <= _LIKELY * (high.granule - low.granule):
        return False
    return _restarts(source, low, high)


def _are_all_numbered(head: list[Page], tail: list[Page]) -> bool:
    """Whether the number of the last page accounts for all bytes, with pages as long as those in `head` and `tail`."""
    first, last = next((page for page in head if page.granule > 0), head[0]), tail[-1]
    near = [_mean_bytes(some) for some in ([page for page in head if page.start >= first.start], tail[:-1]) if some]
    count = last.number - first.number + 1
    return bool(near) and (last.end - first.start) <= _LIKELY_PAGES * max(near) * count


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
    start = byte // BLOCK_BYTES * BLOCK_BYTES
    for length in (BLOCK_BYTES, 2 * MAX_PAGE_BYTES):
        expect(source, start, start + length)
        found = pages(read_at(source, start, length), start)
        page = next((page for page in found if page.granule >= 0), None)
        if page is not None:
            return page
    return None
