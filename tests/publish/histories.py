"""Histories of nights and publications, and what their serving table says."""

import io
from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from outputs import Outcomes, write_run

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.history.unlisted import Unlisted, write_unlisted
from genre_batch.publish.gate import GateConfig
from genre_batch.publish.publish_report import PublishReport
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.publish.serving_rows import SERVING
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import Store

Place = tuple[Store, str]
ANY = GateConfig(max_reject_rate=1.0, max_abstain_rate=1.0, max_drift=1e9, min_coverage=0.0, max_deleted_rate=1.0)
OTHER = {"model_id": "other-1", "fingerprint": "0" * 64}


def night(place: Place, day: int, outcomes: Mapping[str, str | RejectReason], **changes: object) -> RunPlan:
    versions: Outcomes = {(name.partition(":")[0], name.partition(":")[2]): o for name, o in outcomes.items()}
    return write_run(*place, day, versions, **changes)


def run(place: Place, **changes: object) -> PublishReport:
    return publish(PublishConfig.model_validate({"output": place[1], "rules": ANY, **changes}))


def lacks(place: Place, as_of: str, *names: str) -> None:
    gone = Unlisted([0])
    gone.add(0, pa.array(names, pa.string()), pa.array([], pa.string()))
    write_unlisted(*place, "s3://music", gone.rows(as_of))


def rows(place: Place) -> pd.DataFrame:
    """What a reader of all files finds, in the order of the steps."""
    store, output = place
    found = [
        pq.read_table(io.BytesIO(store.read(each.uri)))
        for each in store.list(layout.at(output, layout.SERVING_FOLDER))
        if each.uri.endswith(".parquet")
    ]
    assert all(each.schema.equals(SERVING) for each in found)
    together = pa.concat_tables([SERVING.empty_table(), *found]).to_pandas()
    return together.sort_values(["event_timestamp", "track_id"], ignore_index=True)


def brief(place: Place, step: int) -> list[tuple[object, ...]]:
    found = rows(place)
    found = found[found["step"].str.startswith(f"{step:08d}-")].astype(object)
    found = found.where(found.notna(), None)
    return list(found[["track_id", "genre", "deleted"]].itertuples(index=False, name=None))


def replayed(found: pd.DataFrame) -> dict[str, tuple[object, ...]]:
    """What these rows say is served: the newest row of each track."""
    newest = found.sort_values("event_timestamp").drop_duplicates("track_id", keep="last")
    newest = newest[newest["confidence"].notna()]
    return {row.track_id: (row.genre, row.etag, row.run_id) for row in newest.itertuples()}


def said(output: str) -> dict[str, tuple[object, ...]]:
    """What `table` says is served."""
    found = table.latest(output, columns=["track_id", "genre", "etag", "run_id"])
    return {row.track_id: (row.genre, row.etag, row.run_id) for row in found.itertuples()}
