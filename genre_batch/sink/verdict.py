"""Why a finished run counts as failed, kept on storage, so that starting it again does not hide the failure.

Only a failed run has the file. A run that succeeded is known by the latest pointer, which never names a failed one.
"""

from contextlib import suppress

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.json_records import exists, read_json, to_json
from genre_batch.sink.plan import RunPlan, read_plan, run_ids
from genre_batch.sink.record import Counts
from genre_batch.sink.run_facts import RunId
from genre_batch.storage.store import ObjectGone, Store


class Verdict(BaseModel):
    """What made a run fail.

    message, hint: one sentence each. max_reject_rate: the limit it was judged by. listed: the tracks in the catalog.
    counts: what was judged. runs: the runs that these counts are of, oldest first: the failed run itself, after those
    whose rejected tracks it tried again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    message: str
    hint: str
    max_reject_rate: float
    listed: NonNegativeInt
    counts: Counts
    runs: tuple[RunId, ...] = Field(min_length=1)

    @property
    def run_id(self) -> str:
        """The run that failed."""
        return self.runs[-1]


def read_verdict(store: Store, output: str, run_id: str) -> Verdict | None:
    """Why the run failed; None if it did not, or has not ended. Raises DamageFound if that cannot be understood."""
    return read_json(store, layout.at(output, layout.verdict_path(run_id)), Verdict, output)


def has_failed(store: Store, output: str, run_id: str) -> bool:
    """Whether the run ended as a failure."""
    return exists(store, layout.at(output, layout.verdict_path(run_id)))


def write_verdict(store: Store, output: str, run_id: str, verdict: Verdict | None) -> None:
    """Keep why the run failed, or None if it did not: what an earlier start kept about it is replaced."""
    uri = layout.at(output, layout.verdict_path(run_id))
    if verdict is not None:
        store.write(uri, to_json(verdict))
    elif exists(store, uri):
        store.delete(uri)


def failure_before(store: Store, output: str, plan: RunPlan) -> Verdict | None:
    """Why the run of the same source, model and kind that finished last before `plan` failed; None if it did not.

    Costs one listing and, for each run in between, one or two requests.
    """
    same = _identity(plan)
    for run_id in sorted(run_ids(store, output), reverse=True):
        if run_id >= plan.run_id:
            continue
        # a run that is still being planned, was given up or is damaged has no outcome to repeat
        with suppress(ObjectGone, DamageFound):
            if _identity(read_plan(store, output, run_id)) != same:
                continue
            verdict = read_verdict(store, output, run_id)
            if verdict is not None or exists(store, layout.at(output, layout.manifest_path(run_id))):
                return verdict
    return None


def _identity(plan: RunPlan) -> tuple[str, str, str, str]:
    return plan.source.rstrip("/"), plan.model_id, plan.fingerprint, plan.run_kind
