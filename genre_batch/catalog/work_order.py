"""The order of a nightly run: first what an earlier run left for later, then the newest tracks.

Other runs take the tracks in the order of their ids. A nightly run may have to end before it is done, and what is
left over then should be the oldest music. So its shards are cut in the order of work. Each is sorted by track_id like
any other, and `places_in_order` says which tracks of a part come first.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_MOST_TRACKS = 1_000_000
"""Memory holds twice this many rows, about 500 MB, while they are put in order. More tracks are no night's work."""


def in_order_of_work(
    batches: Iterable[pa.RecordBatch], shard_tracks: Callable[[int], int], most_tracks: int = _MOST_TRACKS
) -> tuple[Iterator[pa.RecordBatch], int | None]:
    """The rows in stretches of one shard each, in the order of work; and how many rows a stretch has.

    batches: rows of tracks, sorted by track_id, as each stretch is then. shard_tracks: how many rows a shard has if
    there are this many in all. If there are more than `most_tracks`, the rows keep their order, and the number is None.
    """
    remaining, first, tracks = iter(batches), list[pa.RecordBatch](), 0
    for batch in remaining:
        first.append(batch)
        tracks += batch.num_rows
        if tracks > most_tracks:
            return chain(first, remaining), None
    if not tracks:
        return iter(()), None
    rows, size = pa.Table.from_batches(first), shard_tracks(tracks)
    order = places_in_order(rows)
    shards = (np.sort(order[start : start + size]) for start in range(0, tracks, size))
    return (batch for shard in shards for batch in rows.take(pa.array(shard)).to_batches()), size


def places_in_order(rows: pa.Table) -> npt.NDArray[np.int64]:
    """The places of the rows in the order of work: those left for later, then all others; newest first, then by place.

    What has no known time comes last.
    """
    times = pc.fill_null(rows["modified_at"].cast(pa.int64()), np.iinfo(np.int64).min + 1)
    later = pc.fill_null(rows["deferred"], False)
    return np.lexsort((-times.to_numpy(), ~later.to_numpy()))
