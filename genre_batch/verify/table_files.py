"""Checks that every file below the tables belongs to a committed shard, or to one that a driver was working on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.parquet import from_table_file
from genre_batch.sink.plan import RunPlan, read_plan
from genre_batch.sink.run_facts import is_run_id
from genre_batch.sink.tables import one_row_per_track, version_keys
from genre_batch.storage.store import StoredObject
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.output import Missing, Output, reading
from genre_batch.verify.records import State
from genre_batch.verify.run_check import CheckedRun
from genre_batch.wording import plural

TABLES = ("scores", "features", "rejects")
_FILE = re.compile(r"(?P<run_id>.+)-(?P<shard>\d{8})\.parquet", re.ASCII)


@dataclass(slots=True)
class _Uncommitted:
    """Shards of an unfinished run that have files and no marker, since a driver stopped before it."""

    answers: set[int] = field(default_factory=set)
    rejects: set[int] = field(default_factory=set)


def table_files(
    output: Output, run_id: str | None = None, tables: Sequence[str] = TABLES
) -> Iterator[tuple[str, StoredObject]]:
    """All objects below the tables with their paths; only those of `run_id` if it is given."""
    for table in tables:
        for path, found in output.list(f"{table}/"):
            if run_id is None or path.rsplit("/", 1)[-1].startswith(run_id):
                yield path, found


def run_and_shard(path: str) -> tuple[str, int] | None:
    """The run and the shard in the name of a file of a table; None if it has another kind of name."""
    match = _FILE.fullmatch(path.rsplit("/", 1)[-1])
    return (match["run_id"], int(match["shard"])) if match and is_run_id(match["run_id"]) else None


def belongs_to(path: str, plan: RunPlan, shard: int) -> bool:
    """Whether a run of this plan writes a file of its shard to `path`."""
    return shard < plan.shards and path in (layout.answers_path(plan, shard), layout.rejects_path(plan, shard))


def check_table_files(
    output: Output, runs: Mapping[str, CheckedRun], findings: Findings, run_id: str | None = None
) -> None:
    """Add each file that belongs to no shard of a run, and what is wrong with files that have no marker yet."""
    uncommitted: dict[str, _Uncommitted] = {}
    for path, _ in table_files(output, run_id):
        named = run_and_shard(path)
        run = runs.get(named[0]) if named else None
        if named is None or not _is_accounted_for(output, path, *named, run):
            findings.add(Kind.EXTRA, path, "this file belongs to no committed shard", run_id=run_id)
        elif run is not None and run.plan is not None and run.state is State.UNFINISHED and named[1] not in run.answers:
            shards = uncommitted.setdefault(run.run_id, _Uncommitted())
            (shards.rejects if layout.table_of(path) == "rejects" else shards.answers).add(named[1])
            if fault := _fault(output, path, run, run.plan, named[1]):
                findings.add(Kind.DAMAGED, path, fault, run_id=run.run_id, shard=named[1])
    for run_id_, shards in uncommitted.items():
        _add_uncommitted(runs[run_id_], shards, findings.for_run(run_id_))


def _is_accounted_for(output: Output, path: str, run_id: str, shard: int, run: CheckedRun | None) -> bool:
    if run is None or run.plan is None:
        # planned after verification began, or with a lost plan, which is a finding of its own
        return run is not None or _is_planned(output, path, run_id, shard)
    if not belongs_to(path, run.plan, shard):
        return False
    if run.state is State.UNFINISHED and shard not in run.answers:
        return True
    return shard in (run.rejects if layout.table_of(path) == "rejects" else run.answers)


def _is_planned(output: Output, path: str, run_id: str, shard: int) -> bool:
    try:
        with reading():
            return belongs_to(path, read_plan(output.store, output.root, run_id), shard)
    except DamageFound:
        return False


def _fault(output: Output, path: str, run: CheckedRun, plan: RunPlan, shard: int) -> str:
    """Why the next driver of the run could not adopt this file; empty if it could."""
    try:
        found = version_keys(_rows(output, path, plan))
        if run.listing is None:
            return ""
        bounds, answers_path = plan.parts.shards[shard], layout.answers_path(plan, shard)
        wanted = version_keys(run.listing.table(bounds.start, bounds.stop))
        if path == answers_path:
            strangers = pc.invert(pc.is_in(found, value_set=wanted))
            wrong = pc.any(strangers, min_count=0).as_py() or pc.count_distinct(found).as_py() != len(found)
        else:
            answered = version_keys(_rows(output, answers_path, plan))
            wrong = not found.equals(wanted.filter(pc.invert(pc.is_in(wanted, value_set=answered))))
    except Missing:  # the run was given up, or the file moved away, just now
        return ""
    except DamageFound as damage:
        return str(damage)
    return "its rows are not those of its shard" if wrong else ""


def _rows(output: Output, path: str, plan: RunPlan) -> pa.Table:
    return one_row_per_track(from_table_file(output.read(path), layout.table_of(path), plan, path))


def _add_uncommitted(run: CheckedRun, shards: _Uncommitted, findings: Findings) -> None:
    assert run.plan is not None
    for shard in sorted(shards.rejects - shards.answers):
        missing = "the answers of the shard are missing: they are written before its rejects, which exist"
        findings.add(Kind.MISSING, layout.answers_path(run.plan, shard), missing, shard=shard)
    without_marker = f"files of {plural(len(shards.answers), 'shard')} without a marker; the next driver adopts them"
    findings.add(Kind.UNCOMMITTED, layout.commits_folder(run.run_id), without_marker)
