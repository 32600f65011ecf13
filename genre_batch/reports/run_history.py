"""The runs of an output over time: what each did, how fast, at what cost, and whether its canaries changed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from genre_batch.errors import DamageFound, UsageError
from genre_batch.publish.pointer import Published
from genre_batch.run.run_report import ForecastRatios, RunReport
from genre_batch.sink import layout
from genre_batch.sink.canary_record import CanaryRecord, read_canary_record
from genre_batch.sink.finish import RunManifest, read_manifest
from genre_batch.sink.heartbeat import read_heartbeat
from genre_batch.sink.plan import RunKind, RunPlan, read_plan, run_ids
from genre_batch.sink.verdict import has_failed
from genre_batch.storage.store import ObjectGone, Store

MOST_RUNS = 200
_READERS = 16


class RunFigures(BaseModel):
    """One run. left: the tracks of an unfinished one without an outcome yet. cost: in `currency`, of its last start.

    reject_rate: rejects among the tracks that were tried. tracks_per_s, cpu_s_per_track, forecast (actual over
    forecast): of its last start; null if that left no report. canary_changes: null if its bundle has no canaries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    run_kind: RunKind
    model_id: str
    source: str
    planned_at: AwareDatetime
    finished: bool
    failed: bool
    published: bool
    tracks: int
    left: int
    scored: int
    abstained: int
    rejected: int
    reject_rate: float | None = None
    tracks_per_s: float | None = None
    cpu_s_per_track: float | None = None
    cost: float | None = None
    currency: str | None = None
    forecast: ForecastRatios | None = None
    canary_changes: tuple[str, ...] | None = None

    @property
    def state(self) -> str:
        """How far the run is, in words."""
        if not self.finished:
            return "unfinished"
        ended = "failed" if self.failed else "" if self.published else "finished"
        return ", ".join(filter(None, [ended, "published" if self.published else ""]))


@dataclass(frozen=True, slots=True)
class RunInHistory:
    """The records of one run. manifest, canaries: None if there are none. report: None if it cannot be read.

    done: tracks that an unfinished run has an outcome for.
    """

    plan: RunPlan
    manifest: RunManifest | None
    failed: bool
    done: int
    report: RunReport | None
    canaries: CanaryRecord | None

    def figures(self, published: Published | None) -> RunFigures:
        """What the report of the catalog shows of the run."""
        served = {run_id for table in published.models.values() for run_id in table.runs} if published else set()
        plan, report, counts = self.plan, self.report, self.manifest.counts if self.manifest else None
        return RunFigures(
            run_id=plan.run_id,
            run_kind=plan.run_kind,
            model_id=plan.model_id,
            source=plan.source,
            planned_at=plan.planned_at,
            finished=counts is not None,
            failed=self.failed,
            published=plan.run_id in served,
            tracks=plan.tracks,
            left=0 if counts else max(plan.tracks - self.done, 0),
            scored=counts.scored if counts else 0,
            abstained=counts.abstained if counts else 0,
            rejected=counts.rejected if counts else 0,
            reject_rate=counts.failed / counts.tried if counts and counts.tried else None,
            tracks_per_s=report.tracks_per_s if report else None,
            cpu_s_per_track=report.cpu_s_per_track if report else None,
            cost=report.cost if report else None,
            currency=report.currency if report else None,
            forecast=report.forecast_error if report else None,
            canary_changes=tuple(self.canaries.changes()) if self.canaries else None,
        )


def read_history(store: Store, output: str) -> tuple[list[RunInHistory], int]:
    """The newest runs of scores, oldest first, at most MOST_RUNS, and how many older ones there are.

    A run that is being planned, or whose records are damaged, is left out. Raises what the store raises.
    """
    ids = list(run_ids(store, output))
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(lambda run_id: _read(store, output, run_id), ids[-MOST_RUNS:]))
    return [each for each in found if each and each.plan.answers == "scores"], max(len(ids) - MOST_RUNS, 0)


def _read(store: Store, output: str, run_id: str) -> RunInHistory | None:
    with suppress(ObjectGone, DamageFound, UsageError):
        manifest = read_manifest(store, output, run_id)
        plan = manifest.plan if manifest else read_plan(store, output, run_id)
        heartbeat = None if manifest else read_heartbeat(store, output, run_id)
        return RunInHistory(
            plan=plan,
            manifest=manifest,
            failed=has_failed(store, output, run_id),
            done=heartbeat[0].tracks if heartbeat else 0,
            report=_report(store, output, run_id) if manifest else None,
            canaries=read_canary_record(store, output, run_id),
        )
    return None


def _report(store: Store, output: str, run_id: str) -> RunReport | None:
    try:
        return RunReport.model_validate_json(store.read(layout.at(output, layout.run_path(run_id, "report.json"))))
    except (ObjectGone, ValidationError):
        return None


def newest_good(history: Sequence[RunInHistory], model_id: str) -> RunManifest | None:
    """The manifest of the newest run of the model that finished and did not fail; None if there is none."""
    good = (each.manifest for each in reversed(history) if each.manifest and not each.failed)
    return next((manifest for manifest in good if manifest.plan.model_id == model_id), None)
