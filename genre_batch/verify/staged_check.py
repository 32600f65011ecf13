"""The staged parts of an unfinished run held against the rows of the listing that they stand for."""

import pyarrow as pa

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.shards import Shard
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import REJECTS, SCORES, features_schema
from genre_batch.sink.staged_part import part_tables
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.reading import reading
from genre_batch.verify.run_files import RunFiles
from genre_batch.verify.table_rows import wrong_facts, wrong_tracks


def check_staged(
    store: Store, output: str, plan: RunPlan, files: RunFiles, listing: Listing | None, findings: Findings
) -> None:
    """Note what is wrong with the parts that the next driver takes over. Memory holds one of them at a time.

    Parts of committed shards are not read any more, so they are not looked at.
    """
    parts = _parts(plan) if files.staged else {}
    for found in files.staged:
        path = found.uri.removeprefix(layout.at(output, ""))
        if path not in parts:
            findings.add(Kind.EXTRA, path, "no outcomes of a part of the run", run_id=plan.run_id)
        elif plan.parts.shard_of(parts[path].index) not in files.shards:
            tracks = parts[path].stop - parts[path].start
            if fault := _fault(store, output, plan, parts[path], listing):
                findings.add(Kind.DAMAGED, path, fault, tracks=tracks, run_id=plan.run_id)


def _parts(plan: RunPlan) -> dict[str, Shard]:
    parts = (part for shard in range(plan.shards) for part in plan.parts.of(shard))
    return {layout.staged_path(plan.run_id, part.start, part.stop): part for part in parts}


def _fault(store: Store, output: str, plan: RunPlan, part: Shard, listing: Listing | None) -> str:
    path = layout.staged_path(plan.run_id, part.start, part.stop)
    try:
        with reading():
            data = store.read(layout.at(output, path))
        tables = part_tables(data, plan, part, _answers(data, plan, path), output)
    except ObjectGone:  # a driver at work has committed the shard meanwhile
        return ""
    except DamageFound as damage:
        return str(damage)
    listed = listing.table(part.start, part.stop) if listing else None
    faults = [*wrong_facts(tables.answers, plan), *wrong_facts(tables.rejects, plan)]
    faults += wrong_tracks(tables.answers, tables.rejects, listed)
    return "; ".join(fault for fault, rows in faults if rows)


def _answers(data: bytes, plan: RunPlan, path: str) -> pa.Schema:
    """The schema of the answers; files of features name their descriptors themselves."""
    if plan.answers == "scores":
        return SCORES
    fixed = {*features_schema([]).names, *REJECTS.names}
    return features_schema([name for name in read_columns(data, None, path).column_names if name not in fixed])
