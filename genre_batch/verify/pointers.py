"""The pointers of an output: `_latest.json`, and the heads of runs that take turns."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress

from genre_batch.sink import layout
from genre_batch.sink.finish import Latest
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.turn import Head, identity_of
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.reading import Unreadable, reading
from genre_batch.verify.run_check import CheckedRun, State
from genre_batch.verify.run_records import plan_hashes
from genre_batch.verify.stored_record import read_record


def latest_of(plan: RunPlan) -> Latest:
    """What `_latest.json` says while this run is the newest finished one."""
    manifest = layout.manifest_path(plan.run_id)
    return Latest(run_id=plan.run_id, model_id=plan.model_id, fingerprint=plan.fingerprint, manifest=manifest)


def identity_path(plan: RunPlan) -> str:
    """Where the head of the runs that take turns with this one lies."""
    return layout.head_path(identity_of(plan.source.rstrip("/"), plan.model_id, plan.fingerprint))


def new_claim(plan: RunPlan) -> Head:
    """A head that takes its runs back to this one, unlike any that was there before."""
    return Head(run_id=plan.run_id, plan_sha256=plan_sha256(plan), claim=secrets.token_hex(8))


def check_latest(store: Store, output: str, runs: Sequence[CheckedRun], findings: Findings) -> None:
    """Whether `_latest.json` points at the newest finished run of `runs`, or at one that has finished since."""
    finished = {run.run_id: run.plan for run in runs if run.state is State.FINISHED and run.plan}
    latest = read_record(store, output, layout.LATEST, Latest)
    newest = max((run_id for run_id in finished if run_id in _pointed_at(runs, latest.value)), default="")
    if latest.data is None:
        if newest:
            findings.add(Kind.MISSING, layout.LATEST, "the pointer to the latest run is missing", run_id=newest)
    elif latest.fault or latest.value is None:
        findings.add(Kind.DAMAGED, layout.LATEST, f"it {latest.fault}")
    elif latest.value.run_id < newest:
        said = f"it names {latest.value.run_id}, but {newest} has finished since"
        findings.add(Kind.WRONG_POINTER, layout.LATEST, said, run_id=newest)
    elif latest.value.run_id in finished:
        if latest.value != latest_of(finished[latest.value.run_id]):
            findings.add(Kind.WRONG_POINTER, layout.LATEST, "it does not say what the run's plan says")
    elif not _exists(store, output, layout.manifest_path(latest.value.run_id)):
        said = f"it names {latest.value.run_id}, which is no finished run"
        findings.add(Kind.WRONG_POINTER, layout.LATEST, said)


def _pointed_at(runs: Sequence[CheckedRun], latest: Latest | None) -> set[str]:
    """The runs that `_latest.json` named once. One without a report may have stopped before that: no damage."""
    known = "" if latest is None else latest.run_id
    return {run.run_id for run in runs if run.reported or run.run_id <= known}


def check_heads(store: Store, output: str, runs: Sequence[CheckedRun], findings: Findings) -> None:
    """Whether each identity has its head, and each head is of a run that is there."""
    plans = {run.run_id: run.plan for run in runs if run.plan is not None}
    newest: dict[str, RunPlan] = {}
    for run in runs:
        if run.plan is not None and run.state in (State.FINISHED, State.UNFINISHED):
            newest[identity_path(run.plan)] = run.plan
    folder = layout.at(output, layout.HEADS_FOLDER)
    found = {f"{layout.HEADS_FOLDER}{head.uri.removeprefix(folder)}" for head in store.list(folder)}
    for path in sorted(newest.keys() - found):
        findings.add(Kind.MISSING, path, "the head of runs that take turns is missing", run_id=newest[path].run_id)
    for path in sorted(found):
        fault = _wrong_head(store, output, path, plans, newest.get(path))
        if fault:
            findings.add(*fault, run_id=newest[path].run_id if path in newest else None)


def _wrong_head(
    store: Store, output: str, path: str, plans: Mapping[str, RunPlan], newest: RunPlan | None
) -> tuple[Kind, str, str] | None:
    head = read_record(store, output, path, Head)
    if head.data is None:
        return None
    if head.fault or head.value is None:
        return Kind.DAMAGED, path, f"it {head.fault}"
    run_id = head.value.run_id
    plan = plans.get(run_id)
    if plan is None:
        exists = _exists(store, output, layout.plan_path(run_id))
        return None if exists else (Kind.WRONG_POINTER, path, f"it names {run_id}, which is not there")
    if identity_path(plan) != path or head.value.plan_sha256 not in (None, *plan_hashes(plan)):
        return Kind.WRONG_POINTER, path, f"it does not fit the plan of {run_id}"
    if newest is not None and run_id < newest.run_id and head.value.claim is None:
        return Kind.WRONG_POINTER, path, f"it names {run_id}, but {newest.run_id} came after that"
    return None


def _exists(store: Store, output: str, path: str) -> bool:
    with suppress(Unreadable), reading():
        try:
            store.head(layout.at(output, path))
        except ObjectGone:
            return False
    return True
