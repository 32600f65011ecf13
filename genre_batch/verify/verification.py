"""`verify`: checks everything in an output and reports what it found."""

from collections.abc import Sequence
from contextlib import ExitStack

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import run_ids
from genre_batch.storage.open_store import open_store
from genre_batch.verify.done_check import check_done
from genre_batch.verify.findings import Finding, Findings
from genre_batch.verify.output import Output
from genre_batch.verify.pointers import check_heads, check_latest, check_published
from genre_batch.verify.records import State
from genre_batch.verify.run_check import CheckedRun, check_run
from genre_batch.verify.scored_twice import AnsweredKeys
from genre_batch.verify.serving_check import check_serving
from genre_batch.verify.shard_check import ShardFacts
from genre_batch.verify.source_etags import ListedVersions
from genre_batch.verify.table_files import check_table_files
from genre_batch.verify.verify_config import VerifyConfig
from genre_batch.wording import plural, size

_MAX_SHOWN = 20


class RepairReport(BaseModel):
    """What a repair did.

    moved: where each damaged or extra file is now. again: the number of shards that were scored again, or that the next
    start of an unfinished run will score. rewritten: the number of markers rewritten from intact files. hopeless: what
    could not be repaired, and what to do about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    moved: tuple[str, ...]
    again: int
    rewritten: int
    hopeless: tuple[str, ...]

    def summary(self) -> str:
        """The report as lines of text."""
        moved, again = plural(len(self.moved), "file"), plural(self.again, "shard")
        done = f"repair: {moved} moved away, {again} redone, {plural(self.rewritten, 'marker')} rewritten"
        return "\n".join([done, *(f"not repaired: {each}" for each in self.hopeless)])


class VerifyReport(BaseModel):
    """What `genre-batch verify` found. damage: findings that are damage; counts: all findings by kind.

    files, size_bytes and tracks are those of the committed shards that were read. findings: all damage, and the first
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
        """The report as lines of text."""
        runs = f"{plural(self.runs, 'run')} ({self.finished:,} finished, {self.unfinished:,} unfinished)"
        read = f"{plural(self.tracks, 'track')} in {plural(self.files, 'file')}, {size(self.size_bytes)} read"
        lines = [self.repair.summary()] if self.repair else []
        lines.append(f"{runs}: {read}")
        ordered = sorted(self.findings, key=lambda finding: not finding.is_damage)
        lines += [finding.line() for finding in ordered[:_MAX_SHOWN]]
        hidden = sum(self.counts.values()) - len(ordered[:_MAX_SHOWN])
        if hidden > 0:
            lines.append(f"and {hidden:,} more: --json lists them")
        return "\n".join([*lines, f"damage: {plural(self.damage, 'finding')}" if self.damage else "no damage"])


def verify(config: VerifyConfig) -> VerifyReport:
    """Check the output and report. Writes nothing.

    Raises UsageError if there is no run or one that a newer version of genre-batch wrote, and what the store raises.
    """
    output, findings = Output(open_store(config.output), config.output), Findings()
    with ExitStack() as scratch:
        keys = scratch.enter_context(AnsweredKeys())
        listed = ListedVersions(scratch.enter_context(TrackRuns()), config.request_payer) if config.etags else None
        runs = _check_runs(output, config.run_id, findings, keys, listed)
        check_table_files(output, {run.run_id: run for run in runs}, findings, config.run_id)
        if config.run_id is None:
            check_latest(output, runs, findings)
            check_heads(output, runs, findings)
            check_published(output, runs, findings)
            check_serving(output, findings)
            check_done(output, {run.run_id: run.plan for run in runs if run.plan}, findings)
            keys.check(findings)
        if listed is not None:
            listed.check(findings)
    return _report(config, runs, findings)


def _check_runs(
    output: Output, only: str | None, findings: Findings, keys: AnsweredKeys, listed: ListedVersions | None
) -> list[CheckedRun]:
    def on_shard(run: CheckedRun, facts: ShardFacts, tracks: pa.Table | None) -> None:
        if run.plan is not None and facts.keys is not None:
            keys.add(run.plan, layout.answers_path(run.plan, facts.shard), facts.keys)
        if listed is not None and tracks is not None:
            listed.add(tracks)

    wanted = [run_id for run_id in run_ids(output.store, output.root) if only in (None, run_id)]
    if not wanted:
        which = f"run {only}" if only else "run"
        raise UsageError(f"there is no {which} at {output.root}", "give the OUTPUT of `genre-batch score`")
    return [check_run(output, run_id, findings, on_shard) for run_id in wanted]


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
        counts={str(kind): number for kind, number in sorted(findings.counts.items())},
        findings=tuple(findings.kept),
    )
