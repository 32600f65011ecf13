"""What is special about the Delta table; `test_lakes.py` has what both formats have in common."""

from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
from deltalake import DeltaTable
from publish.histories import Place, night, run
from publish.lake_case import labels, settings

from genre_batch.publish.pointer import read_published
from genre_batch.verify.findings import Findings
from genre_batch.verify.output import Output
from genre_batch.verify.serving_check import check_serving


def test_its_log_disturbs_neither_readers_of_the_files_nor_verify(lake_place: Place) -> None:
    for day in range(3):
        night(lake_place, day, {f"a:v{day}": "rock"}, embedding=np.array([0.5, day], "<f2").tobytes())
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
    rows = table.to_pyarrow_table()
    assert set(rows["dt"].to_pylist()) == {now.at.date().isoformat()}
    assert sorted(rows["embedding"].to_pylist()) == [[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]]


def test_a_checkpoint_of_a_user_shortens_the_log_and_keeps_the_steps(lake_place: Place) -> None:
    """Steps before it are in the checkpoint alone, as after the log has been cleaned up."""
    for day in range(2):
        night(lake_place, day, {f"a:v{day}": "rock"})
        run(lake_place, **settings("delta"))
    log = Path(lake_place[1], "serving", "_delta_log")
    DeltaTable(str(log.parent)).create_checkpoint()
    [checkpoint] = log.glob("*.checkpoint.parquet")
    for commit in log.glob("*.json"):
        if commit.stem < checkpoint.name.partition(".")[0]:
            commit.unlink()
    assert run(lake_place, **settings("delta")).registered == {str(log.parent): 0}
    night(lake_place, 2, {"a:v2": "rock"})
    assert run(lake_place, **settings("delta")).registered == {str(log.parent): 1}
    assert labels(lake_place[1], "delta") == {("a", "rock"): 3}
    findings = Findings()
    check_serving(Output(*lake_place), findings)
    assert findings.kept == []
