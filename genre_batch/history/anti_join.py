"""Which tracks of a catalog have no outcome yet: sorted streams, compared by blocks with Arrow's kernels."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import TRANSIENT, RejectReason
from genre_batch.catalog.sorted_runs import SortedRun
from genre_batch.history.done_reader import IndexedOutcomes
from genre_batch.history.unlisted import Unlisted
from genre_batch.sink.tables import PLACED, with_run

_COMPARED_ROWS = 65_536
_TRANSIENT = pa.array(sorted(TRANSIENT), pa.string())
_ELSEWHERE = pa.array([RejectReason.DONE_ELSEWHERE], pa.string())


def new_rows(
    tracks: Iterable[pa.RecordBatch],
    runs: Mapping[int, Iterator[pa.RecordBatch]],
    again: Collection[str],
    unlisted: Unlisted | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of `tracks` that have no outcome, or only a reject for a reason in `again`.

    A track_id and etag with an answer in any of `runs` is done, unless a newer run has an outcome for another etag;
    otherwise the reason of its newest reject decides. `runs` are those of `done_runs`, oldest first. All are sorted by
    track_id. unlisted: gets the tracks of the runs that are not among `tracks`. Raises ValueError
    if the tracks are not sorted: their outcomes would be missed silently.
    """
    missing = unlisted or Unlisted(())
    past = _Past(runs, missing)
    last = ""
    for batch in tracks:
        if not batch.num_rows:
            continue
        ids, newest = batch["track_id"], _Newest(batch, again)
        _check_order(last, ids)
        first, last = ids[0].as_py(), ids[-1].as_py()
        past.pass_over(first)
        for outcomes, times in past.taken(last):
            place = pc.index_in(outcomes["track_id"], value_set=ids)
            if not place.null_count:
                newest.add(outcomes, place.to_numpy(), times)
                continue
            listed = pc.is_valid(place)
            missing.add_rows(outcomes.filter(pc.invert(listed)))
            newest.add(outcomes.filter(listed), place.drop_null().to_numpy(), times[np.asarray(listed)])
        left = newest.left()
        if left.num_rows:
            yield left
    past.pass_over(None)


def not_done(batch: pa.RecordBatch, outcomes: Iterable[pa.Table], again: Collection[str]) -> pa.RecordBatch:
    """The rows of `batch`, one per track, that are not done by `outcomes`, which are ordered by run.

    Those whose newest outcome is that they were left for later are marked as deferred.
    """
    newest, seen = _Newest(batch, again), 0
    for outcome in outcomes:
        known = outcome.filter(pc.is_in(outcome["track_id"], value_set=batch["track_id"])).combine_chunks()
        row = pc.index_in(known["track_id"], value_set=batch["track_id"]).to_numpy()
        newest.add(known, row, np.arange(seen, seen + len(row)))
        seen += len(row)
    return newest.left()


class _Newest:
    """For each track of a batch, when it got its newest answer, reject, and outcome of another etag; -1: never.

    The time of a reject is shifted by two bits: 2 if it is final (not to be tried again), 1 if it was deferred.
    """

    def __init__(self, batch: pa.RecordBatch, again: Collection[str]) -> None:
        self._batch, self._again = batch, pa.array(sorted(again), pa.string())
        self._answered, self._rejected, self._other = (np.full(batch.num_rows, -1, np.int64) for _ in range(3))

    def add(self, known: pa.Table, row: npt.NDArray[np.int64], time: npt.NDArray[np.int64]) -> None:
        """Add outcomes of the tracks at `row`, in any order."""
        reason = known["reason"]
        same = np.asarray(pc.equal(known["etag"], self._batch["etag"].take(pa.array(row))))
        answer = np.asarray(pc.is_null(reason))
        np.maximum.at(self._answered, row[same & answer], time[same & answer])
        if not same.all():
            stays = ~same & ~np.asarray(pc.is_in(reason, value_set=_TRANSIENT))
            np.maximum.at(self._other, row[stays], time[stays])
        if not answer.all():
            reject = same & ~answer & ~np.asarray(pc.is_in(reason, value_set=_ELSEWHERE))
            final = ~np.asarray(pc.is_in(reason, value_set=self._again))
            deferred = np.asarray(pc.fill_null(pc.equal(reason, RejectReason.DEFERRED), False))
            np.maximum.at(self._rejected, row[reject], (4 * time + 2 * final + deferred)[reject])

    def left(self) -> pa.RecordBatch:
        """The rows that are not done."""
        rejected = self._rejected >> 2
        is_final, is_deferred = ((self._rejected & bit > 0) & (rejected >= 0) for bit in (2, 1))
        done = (self._answered > self._other) | ((rejected > self._other) & is_final)
        deferred, place = pa.array(is_deferred, mask=~is_deferred), self._batch.schema.names.index("deferred")
        return self._batch.set_column(place, "deferred", deferred).filter(pa.array(~done))


class _Past:
    """The outcomes of all runs, taken in the order of track_ids."""

    def __init__(self, runs: Mapping[int, Iterator[pa.RecordBatch]], missing: Unlisted) -> None:
        self._missing = missing
        self._streams = {number: SortedRun(run) for number, run in runs.items()}
        self._wanted = {number for number, run in runs.items() if missing.counts_any(_numbers(number, run))}
        self._seekable = {
            number: run
            for number, run in runs.items()
            if isinstance(run, IndexedOutcomes) and number not in self._wanted
        }
        self._least = min(runs, default=0)
        self._times = np.zeros(max(runs, default=0) - self._least + 1, np.int64)
        for time, number in enumerate(runs):
            self._times[number - self._least] = time

    def pass_over(self, first: str | None) -> None:
        """Take the outcomes of tracks before `first`, None: all that are left. Those tracks are missing."""
        self._streams = {number: run for number, run in self._streams.items() if not run.ended}
        for number, run in self._streams.items():
            if first is None and number not in self._wanted:
                continue  # nobody wants to know
            if first is not None and number in self._seekable and run.last < first:
                self._seekable[number].seek(first)
            for piece in run.rest() if first is None else run.take_before(first):
                if number in self._wanted:
                    self._missing.add_rows(_placed(piece, number))

    def taken(self, last: str) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
        """Take the outcomes of tracks up to `last`, in few pieces, with the time of each."""
        waiting: list[pa.RecordBatch] = []
        for number, run in self._streams.items():
            for piece in run.take(last):
                waiting.append(_placed(piece, number))
                if sum(each.num_rows for each in waiting) >= _COMPARED_ROWS:
                    yield self._timed(waiting)
                    waiting = []
        if waiting:
            yield self._timed(waiting)

    def _timed(self, pieces: list[pa.RecordBatch]) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        rows = pa.Table.from_batches(pieces).combine_chunks()
        return rows, self._times[rows["run"].to_numpy() - self._least]


def _numbers(number: int, run: Iterator[pa.RecordBatch]) -> Collection[int]:
    return run.numbers if isinstance(run, IndexedOutcomes) else (number,)


def _placed(piece: pa.RecordBatch, number: int) -> pa.RecordBatch:
    return with_run(piece, number) if piece.num_columns < len(PLACED) else piece


def _check_order(last: str, ids: pa.Array) -> None:
    before = pa.concat_arrays([pa.array([last], pa.string()), ids[:-1]])
    wrong = pc.index(pc.less(ids, before), True).as_py()
    if wrong >= 0:
        raise ValueError(f"tracks are not sorted: {ids[wrong].as_py()!r} after {before[wrong].as_py()!r}")
