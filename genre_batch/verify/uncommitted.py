"""A file of a shard that has no marker yet: whether the next driver of its run can take it over."""

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.shards import plan_shards
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.answers import once_a_track, versions
from genre_batch.sink.parquet import file_metadata, read_columns
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.reading import reading
from genre_batch.verify.run_check import CheckedRun


def check_uncommitted(store: Store, output: str, path: str, run: CheckedRun, shard: int, findings: Findings) -> None:
    """Note what is wrong with the file at `path`, which is one of this shard's."""
    assert run.plan is not None
    try:
        fault = _fault(store, output, path, run, shard)
    except ObjectGone:  # given up, or moved away, meanwhile
        return
    except DamageFound as damage:
        fault = str(damage)
    if fault:
        findings.add(Kind.DAMAGED, path, fault, run_id=run.run_id, shard=shard)


def _fault(store: Store, output: str, path: str, run: CheckedRun, shard: int) -> str:
    assert run.plan is not None
    rows = _rows(store, output, path, run.plan)
    if run.listing is None:
        return ""
    bounds = plan_shards(run.plan.tracks, run.plan.shard_tracks)[shard]
    wanted = versions(run.listing.table(bounds.start, bounds.stop))
    found, answers_path = versions(rows), layout.answers_path(run.plan, shard)
    if path == answers_path:
        strangers = pc.invert(pc.is_in(found, value_set=wanted))
        wrong = pc.any(strangers, min_count=0).as_py() or pc.count_distinct(found).as_py() != len(found)
    else:
        answered = versions(_rows(store, output, answers_path, run.plan))
        wrong = not found.equals(wanted.filter(pc.invert(pc.is_in(wanted, value_set=answered))))
    return "its rows are not those of its shard" if wrong else ""


def _rows(store: Store, output: str, path: str, plan: RunPlan) -> pa.Table:
    """One row a track. Raises DamageFound where the file is not one of this run, and ObjectGone."""
    with reading():
        data = store.read(layout.at(output, path))
    table = read_columns(data, None, path)
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if metadata != file_metadata(plan) or not {"track_id", "etag"}.issubset(table.column_names):
        raise DamageFound("it is not a file of its run")
    return once_a_track(table)
