"""What is special about the Iceberg table; `test_lakes.py` has what both formats have in common."""

import datetime as dt

import numpy as np
import pytest
from publish.histories import Place, night, run
from publish.lake_case import TABLE, settings
from pyiceberg.catalog import load_catalog

from genre_batch.errors import UsageError
from genre_batch.publish.iceberg import IcebergLake
from genre_batch.publish.pointer import read_published


def test_files_are_in_partitions_by_day_of_publication_and_model(lake_place: Place) -> None:
    night(lake_place, 0, {"a:v1": "rock"}, embedding=np.array([0.5, -1.0], "<f2").tobytes())
    run(lake_place, **settings("iceberg"))
    table = load_catalog("local").load_table(TABLE.partition(".")[2])
    assert table.scan().to_arrow()["embedding"].to_pylist() == [[0.5, -1.0]]
    now = read_published(*lake_place)
    assert now is not None
    [partition] = table.inspect.partitions()["partition"].to_pylist()
    assert partition == {"event_day": now.at.astimezone(dt.UTC).date(), "model": "mel-cnn-1"}
    assert [snapshot.summary["genre-batch.runs"] for snapshot in table.snapshots()] == [
        ",".join(now.models["mel-cnn-1"].runs)
    ]


def test_a_step_is_known_after_its_snapshot_has_expired(lake_place: Place) -> None:
    for day in range(2):
        night(lake_place, day, {f"a:v{day}": "rock"})
        run(lake_place, **settings("iceberg"))
    name = TABLE.partition(".")[2]
    table = load_catalog("local").load_table(name)
    table.maintenance.expire_snapshots().by_id(table.snapshots()[0].snapshot_id).commit()
    with load_catalog("local").load_table(name).transaction() as change:
        change.remove_properties("commit.retry.num-retries")
    assert run(lake_place, **settings("iceberg")).registered == {TABLE: 0}
    table = load_catalog("local").load_table(name)
    assert table.properties["commit.retry.num-retries"] == "0"
    assert len(table.scan().to_arrow()) == 2


def test_a_catalog_that_is_not_set_is_named(lake_place: Place) -> None:
    with pytest.raises(UsageError, match="the Iceberg catalog 'unknown' cannot be opened") as error:
        IcebergLake(lake_place[1], "unknown.music.genres")
    assert "PYICEBERG_CATALOG__UNKNOWN__URI" in error.value.hint
