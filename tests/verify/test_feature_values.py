"""Whatever is edited in features that can be told from the rows alone is told."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest
from sink.shard_rows import make_plan, make_tracks

from genre_batch.catalog.track_table import to_batch
from genre_batch.sink.schema import DescribedTrack
from genre_batch.sink.tables import features_table
from genre_batch.verify.feature_values import wrong_numbers, wrong_segments
from genre_batch.verify.table_rows import Fault, wrong_tracks

TRACKS = make_tracks(3)
SEGMENTS = 4


def table(segments: int = SEGMENTS) -> pa.Table:
    """Three tracks of four segments each, with two descriptors."""
    numbers = np.arange(segments * 2, dtype=np.float32).reshape(segments, 2, 1)
    rows = [DescribedTrack(track, 30.0, 15.0, "soundfile", numbers) for track in TRACKS]
    return features_table(rows, make_plan(), ["tempo", "rms_mean"], 3.0)


def edited(column: str, row: int, value: object) -> pa.Table:
    """The table with one value changed."""
    whole = table()
    values = whole[column].to_pylist()
    values[row] = value
    place = whole.column_names.index(column)
    return whole.set_column(place, whole.schema.field(column), pa.array(values, whole.schema.field(column).type))


def told(faults: Iterable[Fault]) -> dict[str, int]:
    return {fault: rows for fault, rows in faults if rows}


@pytest.mark.parametrize("segments", [0, 1, SEGMENTS])
def test_right_features_have_no_fault(segments: int) -> None:
    assert told([*wrong_segments(table(segments)), *wrong_numbers(table(segments))]) == {}


@pytest.mark.parametrize(
    ("wrong", "fault", "rows"),
    [
        (table().slice(1), "segments do not count from 0", 1),
        (table().take([0, 2, 3, 4]), "segments do not count from 0", 1),
        (table().take([0, 5, 2, 1]), "segments do not count from 0", 3),
        (edited("segment", 3, 4), "segments do not count from 0", 1),
        (edited("segment", 3, -1), "segments do not count from 0", 1),
        (edited("segment_start_s", 2, 18.0), "a segment does not start after the one before", 1),
        (edited("segment_start_s", 2, float("nan")), "a segment does not start after the one before", 2),
        (edited("uri", 5, "s3://music/other"), "uri changes within a track", 2),
        (edited("etag", 4, "v9"), "etag changes within a track", 1),
        (edited("size_bytes", 7, 1), "size_bytes changes within a track", 1),
        (edited("duration_s", 6, 31.0), "duration_s changes within a track", 2),
        (edited("decoder", 6, "av"), "decoder changes within a track", 2),
    ],
)
def test_rows_that_are_not_those_of_whole_tracks_are_told(wrong: pa.Table, fault: str, rows: int) -> None:
    assert told(wrong_segments(wrong))[fault] == rows


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("column", ["tempo", "rms_mean"])
def test_a_descriptor_that_is_no_number_is_told(column: str, value: float) -> None:
    assert told(wrong_numbers(edited(column, 5, value))) == {f"{column} is not finite": 1}


@pytest.mark.parametrize("column", ["duration_s", "segment_start_s"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_told(column: str, value: float) -> None:
    assert told(wrong_numbers(edited(column, 5, value))) == {f"{column} is no time": 1}


def test_a_track_that_is_there_twice_is_told_by_its_rows() -> None:
    listed = pa.Table.from_batches([to_batch(TRACKS)])
    doubled = pa.concat_tables([table().slice(0, SEGMENTS), table()])
    assert told(wrong_segments(doubled)) == {"segments do not count from 0": 1, **_not_later(1)}
    assert told(wrong_tracks(doubled, None, listed)) == {"tracks have more than one outcome": 1}


def _not_later(rows: int) -> dict[str, int]:
    return {"a segment does not start after the one before": rows}
