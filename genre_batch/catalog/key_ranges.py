"""A prefix cut into ranges of keys that can be listed at the same time."""

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from genre_batch.storage.store import ObjectPage, Store

_WANTED = 32
_LARGEST = 128
_LEVELS = 3
_SCANNED = 5_000
_LAST = "\U0010ffff" * 2


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The objects below `prefix` whose URI is greater than `after` and not greater than `until`."""

    prefix: str
    after: str
    until: str


def split(store: Store, prefix: str, threads: int = 16) -> list[KeyRange]:
    """Ranges that together are the folder `prefix`, ascending.

    They are cut at sub-folders, up to three levels down, until there are some tens of them. Where sub-folders cannot
    be found with a few requests each, there are fewer ranges, but never any object outside of them.
    """
    cuts = _folders(store, prefix, threads)
    if len(cuts) > _LARGEST:
        cuts = [cuts[len(cuts) * number // _LARGEST] for number in range(_LARGEST)]
    return [KeyRange(prefix, after, until) for after, until in pairwise(["", *cuts, _LAST])]


def list_range(store: Store, keys: KeyRange) -> Iterator[ObjectPage]:
    """The objects of a range, sorted by URI, streamed in pages. Raises what `Store.pages` raises."""
    for page in store.pages(keys.prefix, after=keys.after):
        if page.uris and page.uris[-1] > keys.until:
            stop = bisect_right(page.uris, keys.until)
            yield ObjectPage(page.uris[:stop], page.etags[:stop], page.sizes_bytes[:stop])
            return
        yield page


def _folders(store: Store, prefix: str, threads: int) -> list[str]:
    """Sub-folders of the first level with enough of them, together with those above it, sorted."""
    found: list[str] = []
    level = [prefix]
    with ThreadPoolExecutor(threads, thread_name_prefix="discover") as pool:
        for _ in range(_LEVELS):
            below = pool.map(lambda folder: store.folders(folder, scan=_SCANNED), level)
            # some servers fail on control characters in the key that a listing starts after
            level = [folder for folders in below for folder in folders if folder.isprintable()]
            found += level
            if not level or len(found) >= _WANTED:
                break
    return sorted(found)
