"""Checks the staged parts of an unfinished run against the rows of the listing that they stand for."""

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.work_units import Part
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.part_ledger import part_tables
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import file_schema
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.output import Missing, Output
from genre_batch.verify.records import RunFiles
from genre_batch.verify.rows import wrong_facts, wrong_tracks


def check_staged(output: Output, plan: RunPlan, files: RunFiles, listing: Listing | None, findings: Findings) -> None:
    """Add what is wrong with the parts that the next driver would use. Memory holds one of them at a time.

    Parts of committed shards are skipped: nothing reads them any more.
    """
    parts = _parts(plan) if files.staged else {}
    for found in files.staged:
        path = output.path(found.uri)
        if path not in parts:
            findings.add(Kind.EXTRA, path, "not the outcomes of a part of the run")
        elif parts[path].shard not in files.shards:
            tracks = parts[path].stop - parts[path].start
            if fault := _fault(output, plan, parts[path], path, listing):
                findings.add(Kind.DAMAGED, path, fault, tracks=tracks)


def _parts(plan: RunPlan) -> dict[str, Part]:
    return {layout.staged_path(plan.run_id, part.start, part.stop): part for part in plan.parts}


def _fault(output: Output, plan: RunPlan, part: Part, path: str, listing: Listing | None) -> str:
    try:
        data = output.read(path)
        answers = file_schema(plan.answers, plan.schema_version, read_columns(data, None, path).column_names)
        tables = part_tables(data, plan, part, answers, output.root)
    except Missing:  # a driver has just committed the shard
        return ""
    except DamageFound as damage:
        return str(damage)
    listed = listing.table(part.start, part.stop) if listing else None
    faults = [*wrong_facts(tables.answers, plan), *wrong_facts(tables.rejects, plan)]
    faults += wrong_tracks(tables.answers, tables.rejects, listed)
    return "; ".join(fault for fault, rows in faults if rows)
