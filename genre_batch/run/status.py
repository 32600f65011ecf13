"""`status`: what the runs of an output are doing, as far as storage shows. Reads only, and needs no Ray."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from genre_batch.catalog.reject import printable
from genre_batch.catalog.source import user_errors
from genre_batch.errors import DamageFound, UsageError
from genre_batch.publish.pointer import Published, read_published
from genre_batch.run.possession import died_here
from genre_batch.sink.canary_record import read_canary_record
from genre_batch.sink.finish import is_finished, read_manifest
from genre_batch.sink.heartbeat import Heartbeat, read_heartbeat
from genre_batch.sink.plan import RunKind, RunPlan, read_plan, run_ids
from genre_batch.sink.sink import open_sink
from genre_batch.sink.verdict import read_verdict
from genre_batch.storage.open_store import UriOrPath, open_store
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.wording import duration, plural

_SILENT_AFTER_S = 60.0

RunState = Literal["running", "silent", "stopped", "finished", "failed"]


class StatusConfig(BaseModel):
    """Settings of `genre-batch status`. output: that of `genre-batch score`. runs: how many of the newest to show."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: UriOrPath
    runs: PositiveInt = 10


class RunStatus(BaseModel):
    """One run. state: a `running` one was heard from in the last minute by the clocks of both machines, a `silent` one
    not; `stopped` can be resumed, `failed` has a verdict. published: whether its rows are served.

    shards, committed: in all, and committed. tracks, done: in all, and with an outcome as far as the last driver said.
    tracks_per_s, eta_s: of a running one. by: who works or worked on it. heard_s: how long ago. error: why it stopped
    or failed. canary_changes: how its canaries differ from what is expected; null if it has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    run_kind: RunKind
    source: str
    model_id: str
    state: RunState
    published: bool
    shards: int
    committed: int
    tracks: int
    done: int
    tracks_per_s: float | None = None
    eta_s: float | None = None
    by: str = ""
    heard_s: float | None = None
    error: str = ""
    canary_changes: tuple[str, ...] | None = None

    def cells(self) -> tuple[str, ...]:
        """The run as one row for a terminal."""
        state = f"{self.state}, published" if self.published else self.state
        rate = f"{self.tracks_per_s:,.1f}/s" if self.tracks_per_s is not None else ""
        eta = duration(self.eta_s) if self.eta_s is not None else ""
        shards, tracks = f"{self.committed:,}/{self.shards:,}", f"{self.done:,}/{self.tracks:,}"
        return self.run_id, self.run_kind, state, shards, tracks, rate, eta, self.by

    def notes(self) -> list[str]:
        """What does not fit into the row."""
        lines = [self.error] if self.error else []
        if self.canary_changes:
            lines.append(f"`publish` refuses it: {self.canary_changes[0]}")
        if self.state == "silent" and self.heard_s is not None:
            lines.append(f"nothing heard for {duration(self.heard_s)}; a new start finds out whether it is alive")
        return lines


class StatusReport(BaseModel):
    """The newest runs of an output, newest first. serving: what readers get.

    hidden: how many older ones there are, counted by their folders: it includes any whose planning did not end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    serving: str
    runs: tuple[RunStatus, ...]
    hidden: int

    def summary(self) -> str:
        """The report as a table for a terminal."""
        head = ("run", "kind", "state", "shards", "tracks", "rate", "left", "where")
        rows = [head, *(run.cells() for run in self.runs)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        for number, run in reversed(list(enumerate(self.runs, 1))):
            lines[number + 1 : number + 1] = [f"  {note}" for note in run.notes()]
        if self.hidden:
            lines.append(f"and {plural(self.hidden, 'older run')}: --set runs=1000 shows them")
        return "\n".join([*lines, self.serving])


def status(config: StatusConfig) -> StatusReport:
    """The state of the newest runs. Raises UsageError if there is no run, and what the store raises."""
    with user_errors():
        store = open_store(config.output)
        older = sorted(run_ids(store, config.output))
        shown = list(islice(_plans(store, config.output, older), config.runs))
        if not shown:
            raise UsageError(f"there is no run at {config.output!r}", "give the OUTPUT of `genre-batch score`")
        published = read_published(store, config.output)
        return StatusReport(
            output=config.output,
            serving=_serving(published),
            runs=tuple(_status(store, config.output, plan, published) for plan in shown),
            hidden=len(older),
        )


def _plans(store: Store, output: str, ids: list[str]) -> Iterator[RunPlan]:
    """The plans of the runs that can be read, newest first; each run that was looked at is taken from the end of `ids`.

    A run that is being planned has no plan. Two requests a run: an output of years has a thousand, and ten are shown.
    """
    while ids:
        run_id = ids.pop()
        with suppress(ObjectGone, DamageFound):
            manifest = read_manifest(store, output, run_id)
            yield manifest.plan if manifest else read_plan(store, output, run_id)


def _serving(published: Published | None) -> str:
    if published is None:
        return "nothing is published: readers get the latest model"
    table, since = published.models[published.model_id], f"{published.at:%Y-%m-%d %H:%M} UTC"
    answers, runs = plural(table.counts.scored, "answer"), plural(len(table.runs), "run")
    return f"served since {since}: {published.model_id}, {answers} of {runs} (step {published.number})"


def _status(store: Store, output: str, plan: RunPlan, published: Published | None) -> RunStatus:
    heartbeat = _heartbeat(store, output, plan.run_id)
    state, error = _state(store, output, plan, heartbeat)
    served = {run_id for table in published.models.values() for run_id in table.runs} if published else set()
    ended = state in ("finished", "failed")
    rate = heartbeat.tracks_per_s if heartbeat and state == "running" else None
    done = plan.tracks if ended else heartbeat.tracks if heartbeat else 0
    return RunStatus(
        run_id=plan.run_id,
        run_kind=plan.run_kind,
        source=plan.source,
        model_id=plan.model_id,
        state=state,
        published=plan.run_id in served,
        shards=plan.shards,
        committed=plan.shards if ended else len(open_sink(store, output, plan).shards()),
        tracks=plan.tracks,
        done=done,
        tracks_per_s=rate,
        eta_s=(plan.tracks - done) / rate if rate else None,
        by=printable(heartbeat.by.name()) if heartbeat else "",
        heard_s=_heard_s(heartbeat) if heartbeat else None,
        error=error,
        canary_changes=_canary_changes(store, output, plan.run_id),
    )


def _canary_changes(store: Store, output: str, run_id: str) -> tuple[str, ...] | None:
    try:
        record = read_canary_record(store, output, run_id)
    except DamageFound as error:
        return (str(error),)
    return tuple(record.changes()) if record else None


def _heartbeat(store: Store, output: str, run_id: str) -> Heartbeat | None:
    try:
        found = read_heartbeat(store, output, run_id)
    except DamageFound:
        return None
    return found[0] if found else None


def _heard_s(heartbeat: Heartbeat) -> float:
    return max((datetime.now(UTC) - heartbeat.at).total_seconds(), 0.0)


def _state(store: Store, output: str, plan: RunPlan, heartbeat: Heartbeat | None) -> tuple[RunState, str]:
    """How far the run is, and why it stopped or failed."""
    if is_finished(store, output, plan.run_id) or read_manifest(store, output, plan.run_id) is not None:
        verdict = read_verdict(store, output, plan.run_id)
        return ("failed", verdict.message) if verdict else ("finished", "")
    if heartbeat is None:
        return "stopped", ""
    if heartbeat.state != "working" or died_here(heartbeat.by):
        return "stopped", heartbeat.error or "its process ended without reporting why"
    return ("running" if _heard_s(heartbeat) < _SILENT_AFTER_S else "silent"), ""
