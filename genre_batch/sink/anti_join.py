"""Which tracks of a sorted catalog have no outcome yet: sorted streams compared by blocks, in bounded memory."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.block_merge import SortedRun
from genre_batch.sink.answers import versions

_COMPARED_ROWS = 65_536


def new_rows(
    tracks: Iterable[pa.RecordBatch], runs: Sequence[Iterator[pa.RecordBatch]], again: Collection[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of `tracks` that have no outcome, or one that is to be tried `again`.

    A track_id and etag with an answer in any of `runs` is done; else the reason of its newest reject decides. `runs`
    are as `done_runs` gives them, the oldest first. All are sorted by track_id. Raises ValueError where the tracks are
    out of order: their keys would be missed without a word.
    """
    sorted_runs = [SortedRun(each) for each in runs]
    last = ""
    for batch in tracks:
        if not batch.num_rows:
            continue
        ids = batch["track_id"]
        _check_order(last, ids)
        first, last = ids[0].as_py(), ids[-1].as_py()
        sorted_runs = [run for run in sorted_runs if not run.ended]
        for run in sorted_runs:
            run.skip(first)
        left = _left(batch, _gathered(piece for run in sorted_runs for piece in run.take(last)), again)
        if left.num_rows:
            yield left


def _left(batch: pa.RecordBatch, outcomes: Iterable[pa.Table], again: Collection[str]) -> pa.RecordBatch:
    """The rows of `batch` that are not done by `outcomes`, which come in the order of their runs."""
    newest: dict[str, str] = {}
    for known in outcomes:
        keys, answered = versions(known), pc.is_null(known["reason"])
        batch = _without(batch, keys.filter(answered))
        newest.update(_rejects(keys.filter(pc.invert(answered)), known["reason"].drop_null()))
    return _without(batch, pa.array([key for key, reason in newest.items() if reason not in again], pa.string()))


def _rejects(keys: pa.ChunkedArray, reasons: pa.ChunkedArray) -> Iterator[tuple[str, str]]:
    return zip(keys.to_pylist(), reasons.to_pylist(), strict=True)


def _without(batch: pa.RecordBatch, keys: pa.Array) -> pa.RecordBatch:
    if not len(keys):
        return batch
    return batch.filter(pc.invert(pc.is_in(versions(batch), value_set=keys)))


def _gathered(pieces: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in fewer pieces, since each costs a look at all tracks of a batch."""
    waiting: list[pa.RecordBatch] = []
    for piece in pieces:
        waiting.append(piece.select(["track_id", "etag", "reason"]))
        if sum(each.num_rows for each in waiting) >= _COMPARED_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _check_order(last: str, ids: pa.Array) -> None:
    before = pa.concat_arrays([pa.array([last], pa.string()), ids[:-1]])
    wrong = pc.index(pc.less(ids, before), True).as_py()
    if wrong >= 0:
        raise ValueError(f"tracks are not sorted: {ids[wrong].as_py()!r} after {before[wrong].as_py()!r}")
