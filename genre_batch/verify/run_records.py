"""The plan and the manifest of a run: two copies of the plan, and hashes that tell which of them is right."""

import hashlib
from dataclasses import dataclass

from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.pointer import as_written
from genre_batch.sink.turn import Head, identity_of
from genre_batch.storage.store import Store
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.run_files import RunFiles
from genre_batch.verify.stored_record import StoredRecord, read_record


@dataclass(frozen=True, slots=True)
class RunRecords:
    """plan: the right one of what plan.json and the manifest say; None where there is none. manifest: if readable."""

    plan: RunPlan | None
    manifest: RunManifest | None


def head_of(store: Store, output: str, plan: RunPlan) -> StoredRecord[Head]:
    """The head of the identity that a run of this plan has."""
    identity = identity_of(plan.source.rstrip("/"), plan.model_id, plan.fingerprint)
    return read_record(store, output, layout.head_path(identity), Head)


def heads_naming(store: Store, output: str, run_id: str) -> list[str]:
    """The paths of the heads that name a run: found without its plan. Costs a listing, and a request a head."""
    folder = layout.at(output, layout.HEADS_FOLDER)
    paths = [f"{layout.HEADS_FOLDER}{head.uri.removeprefix(folder)}" for head in store.list(folder)]
    heads = [read_record(store, output, path, Head) for path in paths]
    return [head.path for head in heads if head.value is not None and head.value.run_id == run_id]


def read_run_records(store: Store, output: str, files: RunFiles, findings: Findings) -> RunRecords:
    """The records of one run; what is wrong with them is noted."""
    run_id = files.run_id
    plan = read_record(store, output, layout.plan_path(run_id), RunPlan)
    manifest = read_record(store, output, layout.manifest_path(run_id), RunManifest)
    for record in (plan, manifest):
        if record.fault:
            findings.add(Kind.DAMAGED, record.path, f"it {record.fault}", run_id=run_id)
    copy = manifest.value.plan if manifest.value else None
    right = _right_plan(run_id, plan.value, manifest.value)
    if plan.data is None and files.worked_on:
        findings.add(Kind.MISSING, plan.path, "the plan of a run with committed shards is missing", run_id=run_id)
    if right is not None and plan.value is not None and plan.value != right and not plan.fault:
        findings.add(Kind.DAMAGED, plan.path, "it is not the plan that the run was carried out by", run_id=run_id)
    if right is not None and copy is not None and not manifest.fault:
        if copy != right:
            findings.add(Kind.DAMAGED, manifest.path, "its plan is not that of the run", run_id=run_id)
        elif manifest.value and manifest.value.plan_sha256 not in (None, *plan_hashes(right)):
            findings.add(Kind.DAMAGED, manifest.path, "its hash is not that of the plan", run_id=run_id)
    if right is not None and manifest.value is None and not plan.fault and not _head_agrees(store, output, right):
        findings.add(Kind.DAMAGED, plan.path, "the head of its runs names another plan", run_id=run_id)
    return RunRecords(right, manifest.value)


def _head_agrees(store: Store, output: str, plan: RunPlan) -> bool:
    head = head_of(store, output, plan).value
    return head is None or head.run_id != plan.run_id or head.plan_sha256 in (None, *plan_hashes(plan))


def _right_plan(run_id: str, plan: RunPlan | None, manifest: RunManifest | None) -> RunPlan | None:
    candidates = [each for each in (plan, manifest.plan if manifest else None) if each and each.run_id == run_id]
    if len(candidates) == 2 and candidates[0] != candidates[1] and manifest is not None:
        return next((each for each in candidates if manifest.plan_sha256 in plan_hashes(each)), candidates[0])
    return candidates[0] if candidates else None


def plan_hashes(plan: RunPlan) -> tuple[str, str]:
    """sha256, in hex, of the plan as this version writes it, and as the version did that wrote it."""
    return plan_sha256(plan), hashlib.sha256(as_written(plan)).hexdigest()
