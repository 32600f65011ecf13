import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sink.shard_rows import RUN_ID, make_plan, make_tracks, reject, rejects_file, score, scores_file

from genre_batch.errors import DamageFound
from genre_batch.sink import parquet
from genre_batch.sink.parquet import from_bytes, read_columns, to_bytes
from genre_batch.sink.schema import REJECTS, SCHEMA_VERSION, SCORES
from genre_batch.sink.tables import make_scores

ROWS = [score(track) for track in make_tracks(500)]


def test_same_rows_same_bytes() -> None:
    assert scores_file(ROWS, make_plan()) == scores_file(list(ROWS), make_plan())
    rejects = [reject(row.track) for row in ROWS]
    assert rejects_file(rejects, make_plan()) == rejects_file(list(rejects), make_plan())


def test_other_rows_or_another_run_other_bytes() -> None:
    data = scores_file(ROWS, make_plan())
    assert scores_file(ROWS[::-1], make_plan()) != data
    assert scores_file(ROWS, make_plan(run_id="20261121T065212Z-000000")) != data


def test_the_order_in_which_versions_were_found_does_not_matter() -> None:
    versions = make_plan().versions
    other = make_plan(versions=dict(reversed(versions.items())))
    assert scores_file(ROWS, other) == scores_file(ROWS, make_plan())


def test_a_file_reads_back_as_it_was_written() -> None:
    data = scores_file(ROWS, make_plan())
    assert from_bytes(data, SCORES, make_plan(), "x.parquet").equals(make_scores(ROWS, make_plan()))
    rejects = rejects_file([reject(row.track) for row in ROWS], make_plan())
    assert from_bytes(rejects, REJECTS, make_plan(), "x.parquet").num_rows == 500


def test_a_file_is_compressed_and_records_where_it_comes_from() -> None:
    metadata = pq.read_metadata(io.BytesIO(scores_file(ROWS, make_plan())))
    assert {metadata.row_group(0).column(i).compression for i in range(metadata.num_columns)} == {"ZSTD"}
    keys = {key.decode(): value.decode() for key, value in metadata.metadata.items() if key != b"ARROW:schema"}
    assert json.loads(keys.pop("library_versions")) == make_plan().versions
    assert keys == {
        "run_id": RUN_ID,
        "model_id": "mel-cnn-1",
        "fingerprint": "f" * 64,
        "git_sha": "0" * 40,
        "config_sha256": "c" * 64,
        "output_schema_version": str(SCHEMA_VERSION),
    }


def test_pandas_reads_it() -> None:
    frame = pd.read_parquet(io.BytesIO(scores_file(ROWS, make_plan())))
    assert frame["track_id"].tolist() == [row.track.track_id for row in ROWS]
    assert str(frame["event_timestamp"].dtype) == "datetime64[us, UTC]"
    assert frame["top_k"][0][0] == {"genre": "jazz", "probability": 0.75}


def test_one_flipped_bit_in_a_page_is_found() -> None:
    data = bytearray(scores_file(ROWS, make_plan()))
    column = pq.read_metadata(io.BytesIO(data)).row_group(0).column(0)
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    with pytest.raises(DamageFound, match=r"x\.parquet cannot be read as Parquet"):
        from_bytes(bytes(data), SCORES, make_plan(), "x.parquet")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not a table", scores_file(ROWS, make_plan())[:-9]])
def test_what_is_not_parquet_is_damage(data: bytes) -> None:
    with pytest.raises(DamageFound, match=r"x\.parquet"):
        read_columns(data, ["track_id"], "x.parquet")


def test_files_of_another_run_or_table_are_not_adopted() -> None:
    scores, rejects = scores_file(ROWS, make_plan()), rejects_file([], make_plan())
    other = make_plan(git_sha="1" * 40)
    for data, run in [(scores, other), (rejects, make_plan())]:
        with pytest.raises(DamageFound, match="not a file of this run"):
            from_bytes(data, SCORES, run, "x.parquet")


def test_only_the_columns_asked_for_are_read() -> None:
    table = read_columns(scores_file(ROWS, make_plan()), ["track_id", "etag"], "x.parquet")
    assert table.column_names == ["track_id", "etag"]


def test_a_missing_value_is_never_written() -> None:
    table = make_scores(ROWS[:1], make_plan())
    empty = table.set_column(2, SCORES.field("etag"), pa.array([None], pa.string()))
    with pytest.raises(pa.ArrowInvalid, match="etag"):
        to_bytes(empty, make_plan())


def test_how_a_table_is_cut_into_chunks_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 4)
    whole = make_scores([score(track) for track in make_tracks(10)], make_plan())
    cut = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 6), whole.slice(7)])
    data = to_bytes(cut, make_plan())
    assert data == to_bytes(whole, make_plan())
    groups = pq.ParquetFile(pa.BufferReader(data)).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [4, 4, 2]
    assert read_columns(data, None, "x.parquet").equals(whole)
