"""What the serving table says was served at any time: by SQL, and by Feast if its environment is there."""

from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
from feature_store.feast_process import feast_over, shipped_repository
from week.music import Catalog

_AS_OF = """
    SELECT track_id AS uri, etag, genre
    FROM read_parquet('{folder}/serving/dt=*/*.parquet')
    WHERE event_timestamp <= $at
    QUALIFY row_number() OVER (PARTITION BY track_id ORDER BY step DESC) = 1 AND confidence IS NOT NULL
"""


def download_serving(catalog: Catalog, folder: Path) -> None:
    """Copy `genres/serving/` from the bucket to `folder`."""
    for key in catalog.objects("genres/serving/"):
        target = folder / key.removeprefix("genres/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(catalog.read(key))


def served_by_sql(folder: Path, at: datetime) -> pd.DataFrame:
    """The rows with uri, etag and genre that readers were served at this time."""
    return duckdb.execute(_AS_OF.format(folder=folder), {"at": at}).df()


def genres_by_feast(
    folder: Path, scratch: Path, tracks: list[str], times: list[datetime]
) -> dict[tuple[str, datetime], str | None]:
    """The genre of each track at each time."""
    with feast_over(shipped_repository(scratch), str(folder)) as feast:
        return feast.as_of((track, at) for track in tracks for at in times)
