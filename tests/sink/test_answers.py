"""Tables of features beside tables of scores: the same ledger, one row a segment."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sink.shard_rows import make_plan, make_track, reject, score

from genre_batch.catalog.track_table import to_tracks
from genre_batch.features.front_end import DescriptorFrontEnd
from genre_batch.sink.answers import features_maker, make_scores, once_a_track
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.schema import DescribedTrack, features_schema
from genre_batch.storage.local import LocalStore

FRONT_END = DescriptorFrontEnd(columns=["tempo", "rms_mean"], segment_s=3.0)
PLAN = make_plan().model_copy(update={"answers": "features", "model_id": "descriptors-1"})


def described(number: int, segments: int) -> DescribedTrack:
    values = np.arange(segments * 2, dtype=np.float32).reshape(segments, 2, 1) + 100 * number
    return DescribedTrack(make_track(number), 61.0, 15.0, "soundfile", values)


def test_a_row_is_a_segment_with_the_descriptors_by_name() -> None:
    table = features_maker(FRONT_END)([described(0, 2), described(1, 1)], PLAN)
    assert table.schema == features_schema(FRONT_END.columns)
    assert table["segment"].to_pylist() == [0, 1, 0]
    assert table["segment_start_s"].to_pylist() == [15.0, 18.0, 15.0]
    assert table["tempo"].to_pylist() == [0.0, 2.0, 100.0]
    assert table["rms_mean"].to_pylist() == [1.0, 3.0, 101.0]
    assert to_tracks(once_a_track(table)) == [make_track(0), make_track(1)]


def test_an_empty_shard_has_all_columns() -> None:
    assert features_maker(FRONT_END)([], PLAN).schema == features_schema(FRONT_END.columns)


def test_rows_of_the_other_table_are_refused() -> None:
    with pytest.raises(TypeError, match="DescribedTrack"):
        make_scores([described(0, 1)], PLAN)
    with pytest.raises(TypeError, match="ScoredTrack"):
        features_maker(FRONT_END)([score(make_track(0))], PLAN)


def test_the_ledger_counts_tracks_and_keeps_them_in_a_folder_of_their_own(tmp_path: Path) -> None:
    ledger = Ledger(LocalStore(), str(tmp_path), PLAN, features_maker(FRONT_END))
    record = ledger.commit(0, [described(1, 3), described(0, 2)], [reject(make_track(2))])
    assert (record.counts.scored, record.counts.rejected, record.counts.genres) == (2, 1, {})
    answers, rejects = (file.path for file in record.files)
    assert answers.startswith("features/front_end=descriptors-1/dt=")
    assert rejects.startswith("rejects/front_end=descriptors-1/dt=")
    table = pq.read_table(tmp_path / answers, partitioning=None)
    assert table["segment"].to_pylist() == [0, 1, 0, 1, 2]
    assert ledger.commit(0, [described(0, 2)], [reject(make_track(n)) for n in (1, 2)]) == record
