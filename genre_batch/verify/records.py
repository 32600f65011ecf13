"""The records of a run: what is in its folder, which plan is the right one, and how far the run is."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import BaseModel

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.json_records import as_written, parse
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.run_claim import Head, identity_of
from genre_batch.storage.store import StoredObject
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.output import Missing, Output, Unreadable
from genre_batch.wording import plural

DAMAGED_FOLDER = "damaged/"
_RECORDS = frozenset({"plan.json", "manifest.json", "config.yaml", "report.json", "verdict.json"})
_FOR_PEOPLE = frozenset({"report.html", "heartbeat.json", "canaries.json"})
_PLAN_FIELDS_WITHOUT_HASH = frozenset({"schema_version"})
"""Fields of a plan that are newer than the rule that its hash is that of `plan.json`."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StoredRecord(Generic[Model]):
    """The record at `path`. data: None if it is missing, empty if it cannot be read. value: None if it is not valid.

    fault: what is wrong with the record itself, None if nothing is or if it is missing.
    """

    path: str
    data: bytes | None
    value: Model | None
    fault: str | None


def read_record(output: Output, path: str, kind: type[Model]) -> StoredRecord[Model]:
    """The record at `path`; every byte must be as this version of genre-batch, or an older one, writes it."""
    try:
        data = output.read(path)
    except Missing:
        return StoredRecord(path, None, None, None)
    except Unreadable as unreadable:
        return StoredRecord(path, b"", None, str(unreadable).removeprefix("it "))
    try:
        value = parse(data, kind, path)
    except DamageFound:
        return StoredRecord(path, data, None, f"is not a {kind.__name__}")
    return StoredRecord(path, data, value, None if as_written(value) == data else "is not as it was written")


@dataclass(slots=True)
class RunFiles:
    """The content of the folder of a run.

    records: names of the JSON and YAML files that verification knows. listing: names in `listing/`. shards: those with
    a marker. staged: outcomes of parts. quarantined: what a repair moved away. strangers: paths of unknown files, and
    `stray_markers` those among the commits.
    """

    run_id: str
    records: set[str] = field(default_factory=set)
    listing: set[str] = field(default_factory=set)
    shards: set[int] = field(default_factory=set)
    staged: list[StoredObject] = field(default_factory=list)
    quarantined: list[StoredObject] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    stray_markers: list[str] = field(default_factory=list)

    @property
    def worked_on(self) -> bool:
        """Whether anything shows that a head named the run: only then do drivers work on it."""
        return bool(self.shards or self.staged) or "manifest.json" in self.records or "report.json" in self.records


def run_files(output: Output, run_id: str) -> RunFiles:
    """What is in the folder of `run_id` now. Costs a listing."""
    files = RunFiles(run_id)
    folder = layout.run_path(run_id, "")
    for path, found in output.list(folder):
        _classify(files, found, path.removeprefix(folder))
    return files


def _classify(files: RunFiles, found: StoredObject, name: str) -> None:
    folder, _, rest = name.partition("/")
    shard = layout.shard_of_commit(found.uri)
    if name in _RECORDS:
        files.records.add(name)
    elif folder == "listing" and "/" not in rest:
        files.listing.add(rest)
    elif folder == "commits":
        if shard is not None and "/" not in rest:
            files.shards.add(shard)
        else:
            files.stray_markers.append(layout.run_path(files.run_id, name))
    elif folder == "staged":
        files.staged.append(found)
    elif name.startswith(DAMAGED_FOLDER):
        files.quarantined.append(found)
    elif name not in _FOR_PEOPLE:
        files.strangers.append(layout.run_path(files.run_id, name))


class State(StrEnum):
    """How far a run is. `unpublished`: it was planned, and never became the run to carry out. `lost`: has no plan."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    UNPUBLISHED = "unpublished"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class RunRecords:
    """The records of one run. plan: the right one of those in plan.json and the manifest, if any.

    manifest: None if it is missing or cannot be parsed.
    """

    files: RunFiles
    plan: RunPlan | None
    manifest: RunManifest | None
    state: State


def read_run(output: Output, run_id: str, findings: Findings) -> RunRecords:
    """The records of one run. Adds what is wrong with them, and with its state, to `findings`."""
    files, findings = run_files(output, run_id), findings.for_run(run_id)
    plan = read_record(output, layout.plan_path(run_id), RunPlan)
    manifest = read_record(output, layout.manifest_path(run_id), RunManifest)
    for record in (plan, manifest):
        if record.fault:
            findings.add(Kind.DAMAGED, record.path, f"it {record.fault}")
    if plan.data is None and files.worked_on:
        findings.add(Kind.MISSING, plan.path, "the plan of a run with committed shards is missing")
    right = _right_plan(run_id, plan.value, manifest.value)
    if right is None:
        return RunRecords(files, None, manifest.value, _state_without_plan(output, files))
    _check_plans(output, right, plan, manifest, findings)
    return RunRecords(files, right, manifest.value, _state(output, files, right, findings))


def _right_plan(run_id: str, plan: RunPlan | None, manifest: RunManifest | None) -> RunPlan | None:
    candidates = [each for each in (plan, manifest.plan if manifest else None) if each and each.run_id == run_id]
    if len(candidates) == 2 and candidates[0] != candidates[1] and manifest is not None:
        return next((each for each in candidates if manifest.plan_sha256 in plan_hashes(each)), candidates[0])
    return candidates[0] if candidates else None


def _check_plans(
    output: Output,
    right: RunPlan,
    plan: StoredRecord[RunPlan],
    manifest: StoredRecord[RunManifest],
    findings: Findings,
) -> None:
    """Whether plan.json, the manifest and the head have the right plan."""
    if plan.value is not None and plan.value != right and not plan.fault:
        findings.add(Kind.DAMAGED, plan.path, "it is not the plan that the run was carried out by")
    if manifest.value is not None and not manifest.fault:
        if manifest.value.plan != right:
            findings.add(Kind.DAMAGED, manifest.path, "its plan is not that of the run")
        elif manifest.value.plan_sha256 not in (None, *plan_hashes(right)):
            findings.add(Kind.DAMAGED, manifest.path, "its hash is not that of the plan")
    if manifest.value is None and not plan.fault:
        head = head_of(output, right).value
        if head and head.run_id == right.run_id and head.plan_sha256 not in (None, *plan_hashes(right)):
            findings.add(Kind.DAMAGED, plan.path, "the head names this run with another plan")


def plan_hashes(plan: RunPlan) -> tuple[str, str]:
    """sha256, in hex, of `plan.json`, and of the plan as the versions hashed it that added missing fields first."""
    newer = _PLAN_FIELDS_WITHOUT_HASH - plan.model_fields_set
    whole = plan.model_dump_json(indent=1, exclude=set(newer)).encode() + b"\n"
    return plan_sha256(plan), hashlib.sha256(whole).hexdigest()


def identity_path(plan: RunPlan) -> str:
    """The path of the head of the runs with the same source and model as this one."""
    return layout.head_path(identity_of(plan.source.rstrip("/"), plan.model_id, plan.fingerprint, plan.run_kind))


def head_of(output: Output, plan: RunPlan) -> StoredRecord[Head]:
    """The head of the runs with the same source and model as this one."""
    return read_record(output, identity_path(plan), Head)


def heads_naming(output: Output, run_id: str) -> list[str]:
    """The paths of the heads that name a run, found without its plan. Costs a listing, and a request per head."""
    heads = [read_record(output, path, Head) for path, _ in output.list(layout.HEADS_FOLDER)]
    return [head.path for head in heads if head.value is not None and head.value.run_id == run_id]


def _state_without_plan(output: Output, files: RunFiles) -> State:
    """Whether a run without a readable plan has lost it or never had one."""
    known = files.worked_on or "plan.json" in files.records or heads_naming(output, files.run_id)
    return State.LOST if known else State.UNPUBLISHED


def _state(output: Output, files: RunFiles, plan: RunPlan, findings: Findings) -> State:
    if "manifest.json" in files.records:
        return State.FINISHED
    head = head_of(output, plan).value
    is_head = head is not None and head.run_id == files.run_id
    if "report.json" in files.records or (files.worked_on and head is not None and not is_head):
        findings.add(Kind.MISSING, layout.manifest_path(files.run_id), "the manifest is missing")
        return State.FINISHED
    folder = layout.run_path(files.run_id, "")
    if not files.worked_on and not is_head:
        findings.add(Kind.UNPUBLISHED, folder, "planned, but another run was carried out")
        return State.UNPUBLISHED
    committed = f"{len(files.shards):,} of {plural(plan.shards, 'shard')} committed"
    findings.add(Kind.UNFINISHED, folder, f"{committed}; `genre-batch score` resumes the run", tracks=plan.tracks)
    return State.UNFINISHED
