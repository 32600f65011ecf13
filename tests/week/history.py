"""What the serving table says was served at any time: by SQL, by Iceberg, and by Feast if its environment is there."""

from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
from feature_store.feast_process import feast_over, shipped_repository
from publish.lake_case import TABLE
from pyiceberg.catalog import load_catalog
from week.music import Catalog

from genre_batch.publish.lakes import STEP_KEY

_FILES = "read_parquet('{folder}/serving/dt=*/*.parquet', hive_partitioning = false)"
_SERVED = """
    SELECT track_id AS uri, etag, genre FROM found
    QUALIFY row_number() OVER (PARTITION BY track_id ORDER BY step DESC) = 1 AND confidence IS NOT NULL
"""


def download_serving(catalog: Catalog, folder: Path) -> None:
    """Copy `genres/serving/` from the bucket to `folder`."""
    for key in catalog.objects("genres/serving/"):
        target = folder / key.removeprefix("genres/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(catalog.read(key))


def rows_by_sql(folder: Path, at: datetime) -> pa.Table:
    """All rows that were in the serving table at this time."""
    query = f"FROM {_FILES.format(folder=folder)} WHERE event_timestamp <= $at"
    return duckdb.sql(query, params={"at": at}).to_arrow_table()


def rows_by_snapshot(properties: dict[str, str], step: str) -> pa.Table:
    """All rows of the Iceberg snapshot of this step or, if that changed nothing, of the one before."""
    table = load_catalog("local", **properties).load_table(TABLE.partition(".")[2])
    by_step = {snapshot.summary[STEP_KEY]: snapshot.snapshot_id for snapshot in table.snapshots()}
    assert len(by_step) == len(table.snapshots())
    return table.scan(snapshot_id=by_step[max(each for each in by_step if each <= step)]).to_arrow()


def served_of(found: pa.Table) -> pd.DataFrame:
    """The rows with uri, etag and genre that readers were served when the serving table had these rows."""
    return duckdb.sql(_SERVED).df()


def genres_by_feast(
    folder: Path, scratch: Path, tracks: list[str], times: list[datetime]
) -> dict[tuple[str, datetime], str | None]:
    """The genre of each track at each time."""
    with feast_over(shipped_repository(scratch), str(folder)) as feast:
        return feast.as_of((track, at) for track in tracks for at in times)
