"""Checks the pointers of an output: `_latest.json`, and the heads of runs with the same source and model."""

import secrets
from collections.abc import Mapping, Sequence

from genre_batch.publish.pointer import Published
from genre_batch.sink import layout
from genre_batch.sink.finish import Latest, latest_of
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.run_claim import Head
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.output import Output, Unreadable
from genre_batch.verify.records import State, identity_path, plan_hashes, read_record
from genre_batch.verify.run_check import CheckedRun


def new_claim(plan: RunPlan) -> Head:
    """A head that names this run, and differs from every head before it."""
    return Head(run_id=plan.run_id, plan_sha256=plan_sha256(plan), claim=secrets.token_hex(8))


def check_latest(output: Output, runs: Sequence[CheckedRun], findings: Findings) -> None:
    """Whether `_latest.json` names the newest of `runs` that finished and did not fail, or a newer one."""
    finished = {run.run_id: run.plan for run in runs if run.state is State.FINISHED and run.plan}
    latest = read_record(output, layout.LATEST, Latest)
    newest = max((run_id for run_id in finished if run_id in _were_latest(runs, latest.value)), default="")
    if latest.data is None:
        if newest:
            findings.add(Kind.MISSING, layout.LATEST, "the pointer to the latest run is missing", run_id=newest)
    elif latest.fault or latest.value is None:
        findings.add(Kind.DAMAGED, layout.LATEST, f"it {latest.fault}")
    elif latest.value.run_id < newest:
        fault = f"it names {latest.value.run_id}, but {newest} has finished since"
        findings.add(Kind.WRONG_POINTER, layout.LATEST, fault, run_id=newest)
    elif latest.value.run_id in finished:
        if latest.value != latest_of(finished[latest.value.run_id]):
            findings.add(Kind.WRONG_POINTER, layout.LATEST, "it does not agree with the run's plan")
    elif not _may_exist(output, layout.manifest_path(latest.value.run_id)):
        fault = f"it names {latest.value.run_id}, which is not a finished run"
        findings.add(Kind.WRONG_POINTER, layout.LATEST, fault)


def check_published(output: Output, runs: Sequence[CheckedRun], findings: Findings) -> None:
    """Whether everything that `_published.json` serves is there."""
    found = read_record(output, layout.PUBLISHED, Published)
    if found.data is None:
        return
    if found.fault or found.value is None:
        findings.add(Kind.DAMAGED, layout.PUBLISHED, f"it {found.fault}")
        return
    finished = {run.run_id for run in runs if run.state is State.FINISHED}
    served = {run_id for table in found.value.models.values() for run_id in table.runs}
    for run_id in sorted(served - finished):
        findings.add(Kind.WRONG_POINTER, layout.PUBLISHED, f"it serves {run_id}, which is not a finished run")
    if found.value.deleted and not _may_exist(output, found.value.deleted):
        findings.add(Kind.MISSING, found.value.deleted, "the tracks that are gone from the catalog are missing")


def _were_latest(runs: Sequence[CheckedRun], latest: Latest | None) -> set[str]:
    """The runs that `_latest.json` must have named once. One without a report may have stopped before: no damage."""
    known = "" if latest is None else latest.run_id
    return {run.run_id for run in runs if not run.failed and (run.reported or run.run_id <= known)}


def check_heads(output: Output, runs: Sequence[CheckedRun], findings: Findings) -> None:
    """Whether each identity has its head, and each head names a run that exists."""
    plans = {run.run_id: run.plan for run in runs if run.plan is not None}
    newest: dict[str, RunPlan] = {}
    for run in runs:
        if run.plan is not None and run.state in (State.FINISHED, State.UNFINISHED):
            newest[identity_path(run.plan)] = run.plan
    found = {path for path, _ in output.list(layout.HEADS_FOLDER)}
    for path in sorted(newest.keys() - found):
        fault = "the head of the runs with this source and model is missing"
        findings.add(Kind.MISSING, path, fault, run_id=newest[path].run_id)
    for path in sorted(found):
        if wrong := _wrong_head(output, path, plans, newest.get(path)):
            findings.add(wrong[0], path, wrong[1], run_id=newest[path].run_id if path in newest else None)


def _wrong_head(
    output: Output, path: str, plans: Mapping[str, RunPlan], newest: RunPlan | None
) -> tuple[Kind, str] | None:
    head = read_record(output, path, Head)
    if head.data is None:
        return None
    if head.fault or head.value is None:
        return Kind.DAMAGED, f"it {head.fault}"
    run_id = head.value.run_id
    plan = plans.get(run_id)
    if plan is None:
        missing = not _may_exist(output, layout.plan_path(run_id))
        return (Kind.WRONG_POINTER, f"it names {run_id}, which does not exist") if missing else None
    if identity_path(plan) != path or head.value.plan_sha256 not in (None, *plan_hashes(plan)):
        return Kind.WRONG_POINTER, f"it does not fit the plan of {run_id}"
    if newest is not None and run_id < newest.run_id and head.value.claim is None:
        return Kind.WRONG_POINTER, f"it names {run_id}, but {newest.run_id} is newer"
    return None


def _may_exist(output: Output, path: str) -> bool:
    try:
        return output.exists(path)
    except Unreadable:
        return True
