"""What lies in the tables, held against the shards that committed it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan, read_plan
from genre_batch.sink.run_facts import is_run_id
from genre_batch.storage.store import ObjectGone, Store, StoredObject
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.reading import reading
from genre_batch.verify.run_check import CheckedRun, State
from genre_batch.verify.uncommitted import check_uncommitted

TABLES = ("scores", "features", "rejects")
_FILE = re.compile(r"(?P<run_id>.+)-(?P<shard>\d{8})\.parquet", re.ASCII)


@dataclass(slots=True)
class Uncommitted:
    """Shards of an unfinished run that have files and no marker: a driver stopped before it."""

    answers: set[int] = field(default_factory=set)
    rejects: set[int] = field(default_factory=set)


def table_files(
    store: Store, output: str, run_id: str | None = None, tables: Sequence[str] = TABLES
) -> Iterator[tuple[str, StoredObject]]:
    """All objects below the tables, as path and object; of one run alone where it is given."""
    root = layout.at(output, "")
    for table in tables:
        for found in store.list(layout.at(output, f"{table}/")):
            path = found.uri.removeprefix(root)
            if run_id is None or path.rsplit("/", 1)[-1].startswith(run_id):
                yield path, found


def run_and_shard(path: str) -> tuple[str, int] | None:
    """The run and the shard in the name of a file of a table; None where the name is no such."""
    match = _FILE.fullmatch(path.rsplit("/", 1)[-1])
    return (match["run_id"], int(match["shard"])) if match and is_run_id(match["run_id"]) else None


def belongs_to(path: str, plan: RunPlan, shard: int) -> bool:
    """Whether a run of this plan writes a file of its shard to `path`."""
    return shard < plan.shards and path in (layout.answers_path(plan, shard), layout.rejects_path(plan, shard))


def check_table_files(
    store: Store, output: str, runs: Mapping[str, CheckedRun], findings: Findings, run_id: str | None = None
) -> None:
    """Note each file of a table that no marker accounts for, and what is odd about files without a marker."""
    uncommitted: dict[str, Uncommitted] = {}
    for path, _ in table_files(store, output, run_id):
        named = run_and_shard(path)
        run = runs.get(named[0]) if named else None
        if named is None or not _accounted(store, output, path, *named, run):
            findings.add(Kind.EXTRA, path, "no committed shard accounts for this file", run_id=run_id)
        elif run is not None and run.plan is not None and run.state is State.UNFINISHED and named[1] not in run.answers:
            shards = uncommitted.setdefault(run.run_id, Uncommitted())
            (shards.rejects if path.startswith("rejects/") else shards.answers).add(named[1])
            check_uncommitted(store, output, path, run, named[1], findings)
    for run_id_, shards in uncommitted.items():
        _note_uncommitted(runs[run_id_], shards, findings)


def _accounted(store: Store, output: str, path: str, run_id: str, shard: int, run: CheckedRun | None) -> bool:
    if run is None or run.plan is None:
        # planned while this looked on, or with a plan that is lost: that has been told of
        return run is not None or _is_planned(store, output, path, run_id, shard)
    if not belongs_to(path, run.plan, shard):
        return False
    if run.state is State.UNFINISHED and shard not in run.answers:
        return True
    return shard in (run.rejects if path.startswith("rejects/") else run.answers)


def _is_planned(store: Store, output: str, path: str, run_id: str, shard: int) -> bool:
    try:
        with reading():
            return belongs_to(path, read_plan(store, output, run_id), shard)
    except (ObjectGone, DamageFound):
        return False


def _note_uncommitted(run: CheckedRun, shards: Uncommitted, findings: Findings) -> None:
    assert run.plan is not None
    for shard in sorted(shards.rejects - shards.answers):
        path = layout.answers_path(run.plan, shard)
        said = "rejects are written after the answers of their shard, and these are missing"
        findings.add(Kind.MISSING, path, said, run_id=run.run_id, shard=shard)
    said = f"{len(shards.answers):,} shards have files and no marker; the next driver takes them over"
    findings.add(Kind.UNCOMMITTED, layout.commits_folder(run.run_id), said, run_id=run.run_id)
