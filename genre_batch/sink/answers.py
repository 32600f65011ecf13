"""What a run fills: a table of scores or, for other systems, of plain features. The protocol is the same for both."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.features.front_end import DescriptorFrontEnd
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import AnsweredTrack, DescribedTrack, ScoredTrack
from genre_batch.sink.tables import features_table, scores_table

Row = TypeVar("Row", ScoredTrack, DescribedTrack)
MakeTable = Callable[[Sequence[AnsweredTrack], RunFacts], pa.Table]


def make_scores(rows: Sequence[AnsweredTrack], run: RunFacts) -> pa.Table:
    """The table of scored tracks. Raises TypeError for any other."""
    return scores_table([_checked(row, ScoredTrack) for row in rows], run)


def features_maker(front_end: DescriptorFrontEnd) -> MakeTable:
    """What makes the table of the descriptors of `front_end`. It raises TypeError for tracks with anything else."""

    def make_features(rows: Sequence[AnsweredTrack], run: RunFacts) -> pa.Table:
        described = [_checked(row, DescribedTrack) for row in rows]
        return features_table(described, run, front_end.columns, front_end.segment_s)

    return make_features


def once_a_track(answers: pa.Table) -> pa.Table:
    """The first row of each track: all rows of scores, one of those that features have for a track."""
    return answers.filter(pc.equal(answers["segment"], 0)) if "segment" in answers.column_names else answers


def without(rows: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The rows whose track_id is none of `ids`."""
    return rows.filter(pc.invert(pc.is_in(rows["track_id"], value_set=ids)))


def versions(rows: pa.RecordBatch | pa.Table) -> pa.Array | pa.ChunkedArray:
    """Etag and track_id of each row in one text; the length in front makes it one of that pair alone."""
    etags = rows["etag"]
    return pc.binary_join_element_wise(pc.binary_length(etags).cast(pa.string()), etags, rows["track_id"], ":")


def _checked(row: AnsweredTrack, kind: type[Row]) -> Row:
    if not isinstance(row, kind):
        raise TypeError(f"{type(row).__name__} is no {kind.__name__}")
    return row
