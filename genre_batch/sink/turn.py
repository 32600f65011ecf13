"""Taking turns: of the runs over one source with one model, one is planned at a time.

A run is planned once a pointer, the head of its identity, names it. Whoever wants to plan looks at the head first: an
unfinished run is joined, not repeated. A new plan moves the head only if nobody else has since (compare and swap), so
that drivers which start together never score a track in two runs.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.finish import is_finished
from genre_batch.sink.mending import giving_up, mend
from genre_batch.sink.plan import RunPlan, plan_sha256, read_plan, write_plan
from genre_batch.sink.pointer import read_pointer, swap_pointer
from genre_batch.storage.open_store import absolute
from genre_batch.storage.store import ObjectGone, Store


class Head(BaseModel):
    """The run of one identity that is to be carried out, or was the last to be.

    plan_sha256: of its plan.json. claim: random where a repair took the head back to an old run, so that no version
    of the pointer ever comes again, and who saw an earlier one cannot move it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    plan_sha256: str | None = None
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The head as it was before planning began, for `publish`. `unfinished` is the run to join, if there is one."""

    head_path: str
    etag: str | None
    unfinished: RunPlan | None


def take_turn(store: Store, output: str, *, source: str, model_id: str, fingerprint: str) -> Turn:
    """Look at the head. Do so before reading the history: a run that scores tracks after that moves the head first.

    Raises DamageFound where the head or the plan of the run to join cannot be read.
    """
    path = layout.head_path(identity_of(source, model_id, fingerprint))
    found = read_pointer(store, layout.at(output, path), Head)
    if found is None:
        return Turn(path, None, None)
    head, etag = found
    finished = is_finished(store, output, head.run_id)
    return Turn(path, etag, None if finished else _plan_to_join(store, output, head.run_id))


def _plan_to_join(store: Store, output: str, run_id: str) -> RunPlan:
    try:
        return read_plan(store, output, run_id)
    except (ObjectGone, DamageFound) as error:
        raise DamageFound(
            f"the plan of the unfinished run {run_id} is missing or damaged",
            f"{mend(output)} mends it or says why not; {giving_up(output, run_id)} gives the run up",
        ) from error


def identity_of(source: str, model_id: str, fingerprint: str) -> str:
    """What runs have in common that take turns, as part of a name."""
    key = json.dumps([absolute(source), model_id, fingerprint])
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def unfinished_beside(store: Store, output: str, turn: Turn, answers: str, key: tuple[str, str]) -> list[RunPlan]:
    """Unfinished runs over the source of `turn` with something else than its `key` (model_id, fingerprint).

    Those that give other `answers` do not count. Costs three requests for each head there is.
    """
    found = []
    for head in store.list(layout.at(output, layout.HEADS_FOLDER)):
        # what is damaged or was given up just now does not stand in the way of this run; `verify` tells of damage
        with suppress(ObjectGone, DamageFound):
            plan = _unfinished(store, output, head.uri)
            if plan is None or plan.answers != answers or (plan.model_id, plan.fingerprint) == key:
                continue
            if layout.head_path(identity_of(plan.source.rstrip("/"), *key)) == turn.head_path:
                found.append(plan)
    return sorted(found, key=lambda plan: plan.run_id)


def _unfinished(store: Store, output: str, head_uri: str) -> RunPlan | None:
    found = read_pointer(store, head_uri, Head)
    if found is None or is_finished(store, output, found[0].run_id):
        return None
    return read_plan(store, output, found[0].run_id)


def publish(store: Store, output: str, plan: RunPlan, turn: Turn) -> bool:
    """Make `plan`, whose listing is already written, the run of its identity.

    False if another driver has planned one since `turn` was taken: then take a new turn, and join that run or, where
    it has finished already, plan again.
    """
    write_plan(store, output, plan)
    head = Head(run_id=plan.run_id, plan_sha256=plan_sha256(plan))
    return swap_pointer(store, layout.at(output, turn.head_path), head, turn.etag)
