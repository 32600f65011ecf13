"""Sums over the current answers of a catalog, one a track, streamed, so that memory does not grow with the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from genre_batch.reports.run_tally import ScoreTally
from genre_batch.table import dataset, read_errors, unanswered

LEAST_SURE = 20
EXAMPLES = 3

_ROWS_AT_ONCE = 65_536
_ANSWER = ("track_id", "uri", "genre", "confidence", "abstained")
_REJECT = ("track_id", "uri", "reason", "message")

ShownRows = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class CatalogTally:
    """What readers get of one model.

    answers: the sums over the current answers, and the tracks without one by reason. least_sure: the answered tracks
    with the least confidence, the least sure first. examples: some of the tracks without an answer, by reason.
    """

    answers: ScoreTally
    least_sure: ShownRows
    examples: dict[str, ShownRows]


def tally_catalog(output: str, model: str) -> CatalogTally:
    """The sums over what readers of `output` get from `model`. Raises what `table.dataset` raises."""
    tally, least, examples = ScoreTally(), pa.table({}), dict[str, ShownRows]()
    for batch in _batches(output, dataset(output, model), _ANSWER):
        tally.count(batch)
        sure = pa.Table.from_batches([batch.filter(pc.invert(batch["abstained"]))])
        both = pa.concat_tables([least, sure]) if least.num_rows else sure
        least = both.take(pc.select_k_unstable(both, LEAST_SURE, [("confidence", "ascending")]))
    for batch in _batches(output, unanswered(output, model), _REJECT):
        counted = pc.value_counts(batch["reason"])
        for reason, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
            tally.reasons[reason] += count
            kept = examples.setdefault(reason, [])
            if len(kept) < EXAMPLES:
                rows = batch.filter(pc.equal(batch["reason"], reason))
                kept += rows.slice(0, EXAMPLES - len(kept)).to_pylist()
    return CatalogTally(tally, least.to_pylist(), examples)


def _batches(output: str, rows: ds.Dataset, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows, without the scan's own threads, which would read far ahead of the sums and fill the memory."""
    with read_errors(output, rows.schema):
        yield from rows.to_batches(
            columns=list(columns), batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=2, use_threads=False
        )
