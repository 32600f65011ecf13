"""What is special about the Delta table; `test_lakes.py` has what both formats have in common."""

from pathlib import Path

import pyarrow.dataset as ds
from deltalake import DeltaTable
from publish.histories import Place, night, run
from publish.lake_case import settings

from genre_batch.publish.pointer import read_published
from genre_batch.verify.findings import Findings
from genre_batch.verify.output import Output
from genre_batch.verify.serving_check import check_serving


def test_its_log_disturbs_neither_readers_of_the_files_nor_verify(lake_place: Place) -> None:
    for day in range(3):
        night(lake_place, day, {f"a:v{day}": "rock"})
        run(lake_place, **settings("delta"))
    folder = Path(lake_place[1], "serving")
    assert {file.suffix for file in folder.glob("_delta_log/*")} == {".json"}
    assert len([*folder.rglob("*.parquet")]) == ds.dataset(folder, partitioning="hive").count_rows() == 3
    findings = Findings()
    check_serving(Output(*lake_place), findings)
    assert findings.kept == []
    now = read_published(*lake_place)
    assert now is not None
    table = DeltaTable(str(folder))
    assert table.transaction_version(f"genre-batch:{now.step}") == 1
    assert table.metadata().partition_columns == ["dt"]
    assert set(table.to_pyarrow_table()["dt"].to_pylist()) == {now.at.date().isoformat()}
