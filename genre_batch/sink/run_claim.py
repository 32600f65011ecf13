"""Claiming a run: of the runs of one kind over one source with one model, only one is planned at a time.

A run becomes the one to carry out once a pointer, the head of its identity, names it. A driver reads the head before it
plans: it joins an unfinished run instead of repeating it. A new plan moves the head only if nobody else has moved it
since (compare and swap), so that drivers which start together never score a track in two runs.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.finish import is_finished
from genre_batch.sink.json_records import read_pointer, swap_pointer
from genre_batch.sink.layout import give_up_hint, repair_hint
from genre_batch.sink.plan import RunKind, RunPlan, plan_sha256, read_plan, write_plan
from genre_batch.storage.open_store import absolute
from genre_batch.storage.store import ObjectGone, Store


class Head(BaseModel):
    """The run of one identity that is being carried out, or was the last.

    plan_sha256: of its plan.json. claim: random if a repair moved the head back to an older run, so that no version of
    the pointer ever recurs, and a driver that read an earlier one cannot move it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    plan_sha256: str | None = None
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class RunClaim:
    """The head as it was before planning began, for `advance_head`. `unfinished` is the run to join, if any."""

    head_path: str
    etag: str | None
    unfinished: RunPlan | None


def claim_run(
    store: Store, output: str, *, source: str, model_id: str, fingerprint: str, run_kind: RunKind = "default"
) -> RunClaim:
    """Read the head. Do so before reading the history: a run that scores tracks after that moves the head first.

    Raises DamageFound if the head or the plan of the run to join cannot be read.
    """
    path = layout.head_path(identity_of(source, model_id, fingerprint, run_kind))
    found = read_pointer(store, layout.at(output, path), Head)
    if found is None:
        return RunClaim(path, None, None)
    head, etag = found
    finished = is_finished(store, output, head.run_id)
    return RunClaim(path, etag, None if finished else _plan_to_join(store, output, head.run_id))


def _plan_to_join(store: Store, output: str, run_id: str) -> RunPlan:
    try:
        return read_plan(store, output, run_id)
    except (ObjectGone, DamageFound) as error:
        raise DamageFound(
            f"the plan of the unfinished run {run_id} is missing or damaged",
            f"{repair_hint(output)} repairs it or says why not; {give_up_hint(output, run_id)} gives the run up",
        ) from error


def identity_of(source: str, model_id: str, fingerprint: str, run_kind: RunKind = "default") -> str:
    """The identity of runs that exclude each other, for use in a name: a hash of source, model, fingerprint, kind."""
    parts = [absolute(source), model_id, fingerprint]
    # without the kind, so that the heads of earlier versions are found
    key = json.dumps(parts if run_kind == "default" else [*parts, run_kind])
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def unfinished_runs(store: Store, output: str) -> Iterator[RunPlan]:
    """The plans of all unfinished runs. Costs three requests per head."""
    for head in store.list(layout.at(output, layout.HEADS_FOLDER)):
        # what is damaged or was given up just now does not block other runs; `verify` reports damage
        with suppress(ObjectGone, DamageFound):
            found = read_pointer(store, head.uri, Head)
            if found is not None and not is_finished(store, output, found[0].run_id):
                yield read_plan(store, output, found[0].run_id)


def unfinished_beside(store: Store, output: str, claim: RunClaim, answers: str, key: tuple[str, str]) -> list[RunPlan]:
    """Unfinished runs over the source of `claim` with another model_id or fingerprint than those of its `key`.

    Those of another kind, or that fill another table than `answers`, do not count.
    """

    def is_beside(plan: RunPlan) -> bool:
        same = layout.head_path(identity_of(plan.source.rstrip("/"), *key, plan.run_kind)) == claim.head_path
        return same and plan.answers == answers and (plan.model_id, plan.fingerprint) != key

    return sorted(filter(is_beside, unfinished_runs(store, output)), key=lambda plan: plan.run_id)


def advance_head(store: Store, output: str, plan: RunPlan, claim: RunClaim) -> bool:
    """Write `plan`, whose listing is already written, and make it the run of its identity.

    False if another driver has planned a run since `claim` was made: then claim again, and join that run or, if it has
    already finished, plan again.
    """
    write_plan(store, output, plan)
    head = Head(run_id=plan.run_id, plan_sha256=plan_sha256(plan))
    return swap_pointer(store, layout.at(output, claim.head_path), head, claim.etag)
