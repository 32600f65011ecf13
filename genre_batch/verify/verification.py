"""`verify`: every invariant of an output, streamed. Memory grows with the number of shards, not of tracks."""

from collections.abc import Sequence
from contextlib import ExitStack

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.config import VerifyConfig
from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import run_ids
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store
from genre_batch.verify.findings import Finding, Findings
from genre_batch.verify.pointers import check_heads, check_latest
from genre_batch.verify.repair_report import RepairReport
from genre_batch.verify.run_check import CheckedRun, State, check_run
from genre_batch.verify.scored_twice import AnsweredKeys
from genre_batch.verify.shard_check import ShardFacts
from genre_batch.verify.source_etags import ListedVersions
from genre_batch.verify.table_files import check_table_files

_SHOWN = 20


class VerifyReport(BaseModel):
    """What `genre-batch verify` found. damage: findings that are damage; counts: all findings by kind.

    files, size_bytes and tracks are those of committed shards that were read. findings: all damage, and the first
    1,000 of each kind of information. repair: what was repaired before these figures were taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    runs: int
    finished: int
    unfinished: int
    files: int
    size_bytes: int
    tracks: int
    damage: int
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    repair: RepairReport | None = None

    def summary(self) -> str:
        """The report in lines for people."""
        runs = f"{self.runs:,} runs ({self.finished:,} finished, {self.unfinished:,} unfinished)"
        lines = [f"{runs}: {self.tracks:,} tracks in {self.files:,} files, {self.size_bytes / 1e6:,.1f} MB read"]
        ordered = sorted(self.findings, key=lambda finding: not finding.is_damage)
        lines += [finding.line() for finding in ordered[:_SHOWN]]
        hidden = sum(self.counts.values()) - len(ordered[:_SHOWN])
        if hidden > 0:
            lines.append(f"and {hidden:,} more: --json lists them")
        if self.repair:
            lines.insert(0, self.repair.summary())
        return "\n".join([*lines, f"damage: {self.damage:,} findings" if self.damage else "no damage"])


def verify(config: VerifyConfig) -> VerifyReport:
    """Check the output and report. Nothing is written.

    Raises UsageError where there is no run, and what the store raises.
    """
    store, output = open_store(config.output), config.output
    findings = Findings()
    with ExitStack() as scratch:
        keys = scratch.enter_context(AnsweredKeys())
        listed = ListedVersions(scratch.enter_context(TrackRuns())) if config.etags else None
        runs = _check_runs(config, store, findings, keys, listed)
        check_table_files(store, output, {run.run_id: run for run in runs}, findings, config.run_id)
        if config.run_id is None:
            check_latest(store, output, runs, findings)
            check_heads(store, output, runs, findings)
            keys.check(findings)
        if listed is not None:
            listed.check(findings)
    return _report(config, runs, findings)


def _check_runs(
    config: VerifyConfig, store: Store, findings: Findings, keys: AnsweredKeys, listed: ListedVersions | None
) -> list[CheckedRun]:
    def on_shard(run: CheckedRun, facts: ShardFacts, tracks: pa.Table | None) -> None:
        if run.plan is not None and facts.keys is not None:
            keys.add(run.plan, layout.answers_path(run.plan, facts.shard), facts.keys)
        if listed is not None and tracks is not None:
            listed.add(tracks)

    there = list(run_ids(store, config.output))
    wanted = there if config.run_id is None else [run_id for run_id in there if run_id == config.run_id]
    if not wanted:
        which = f"run {config.run_id}" if config.run_id else "run"
        raise UsageError(f"there is no {which} at {config.output}", "give the OUTPUT of `genre-batch score`")
    runs = []
    for run_id in wanted:
        runs.append(check_run(store, config.output, run_id, findings, on_shard))
        plan = runs[-1].plan
        if plan is not None:
            keys.end_run(plan)
    return runs


def _report(config: VerifyConfig, runs: Sequence[CheckedRun], findings: Findings) -> VerifyReport:
    return VerifyReport(
        output=config.output,
        runs=len(runs),
        finished=sum(run.state is State.FINISHED for run in runs),
        unfinished=sum(run.state is State.UNFINISHED for run in runs),
        files=sum(run.files for run in runs),
        size_bytes=sum(run.size_bytes for run in runs),
        tracks=sum(run.tracks for run in runs),
        damage=findings.damage,
        counts={str(kind): count for kind, count in sorted(findings.counts.items())},
        findings=tuple(findings.kept),
    )
