"""Checks one run against its records: plan, settings, listing, markers, files, manifest, report."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import yaml

from genre_batch.catalog.listing import Listing
from genre_batch.errors import DamageFound, UserError
from genre_batch.model.bundle import load_bundle, shipped_with
from genre_batch.run.run_report import RunReport
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest, make_manifest
from genre_batch.sink.map_ahead import map_ahead, shards_ahead
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.sink.verdict import Verdict
from genre_batch.storage.store import StorageError
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.listing_check import check_listing
from genre_batch.verify.output import Missing, Output, kind_of
from genre_batch.verify.records import RunFiles, State, read_record, read_run
from genre_batch.verify.rows import unsorted
from genre_batch.verify.shard_check import ShardCheck, ShardFacts
from genre_batch.verify.staged_check import check_staged
from genre_batch.wording import plural

_READERS = 8

OnShard = Callable[["CheckedRun", ShardFacts, pa.Table | None], None]


@dataclass(slots=True)
class CheckedRun:
    """What is known about a run after its check.

    plan: None if it is lost. listing: of an unfinished run, if intact. answers, rejects: the shards that have a
    committed file of this kind. files, size_bytes and tracks: of what was read.
    """

    run_id: str
    state: State
    plan: RunPlan | None
    reported: bool = False
    failed: bool = False
    answers: set[int] = field(default_factory=set)
    rejects: set[int] = field(default_factory=set)
    files: int = 0
    size_bytes: int = 0
    tracks: int = 0
    listing: Listing | None = None


def check_run(output: Output, run_id: str, all_findings: Findings, on_shard: OnShard) -> CheckedRun:
    """Check one run, and call `on_shard` for each of its committed shards in listing order.

    Memory holds a few shards, and some bytes for each shard of the run.
    """
    findings = all_findings.for_run(run_id)
    records = read_run(output, run_id, findings)
    files, plan, manifest = records.files, records.plan, records.manifest
    for path in files.strangers:
        findings.add(Kind.UNKNOWN, path, "not a file of a run")
    for path in files.stray_markers:
        findings.add(Kind.EXTRA, path, "not a commit marker")
    reported, failed = ("report.json" in files.records), ("verdict.json" in files.records)
    run = CheckedRun(run_id, records.state, plan, reported, failed)
    if plan is None:
        _add_lost(files, run.state, findings)
        return run
    if run.state is State.UNPUBLISHED:
        return run
    config = _check_config(output, plan, findings)
    listing = check_listing(output, plan, files, findings)
    shards = set(range(plan.shards))
    for shard in sorted(files.shards - shards):
        findings.add(Kind.EXTRA, layout.commit_path(run_id, shard), "a commit marker of a shard that is not in the run")
    if run.state is State.UNFINISHED:
        run.listing = listing
        check_staged(output, plan, files, listing, findings)
    committed = shards if run.state is State.FINISHED else files.shards & shards
    named = {file.path: file for file in manifest.files} if manifest else None
    check, expected = ShardCheck(output, plan, named, _genres(plan, config)), []
    for facts, tracks in _check_shards(check, plan, listing, sorted(committed), findings):
        findings.extend(facts.findings.kept)
        _count(run, facts)
        on_shard(run, facts, tracks)
        expected.append(facts.record)
    if manifest is not None:
        _check_manifest(plan, manifest, expected, findings)
    _check_verdict(output, plan, manifest, findings)
    _check_report(output, plan, manifest, findings)
    return run


def _count(run: CheckedRun, facts: ShardFacts) -> None:
    run.answers.add(facts.shard)
    record = facts.record or facts.marker
    if record is None or len(record.files) > 1:
        run.rejects.add(facts.shard)
    run.files += len(record.files) if record else 0
    run.size_bytes += facts.size_bytes
    run.tracks += record.counts.scored + record.counts.rejected if record else 0


def _check_shards(
    check: ShardCheck, plan: RunPlan, listing: Listing | None, committed: Sequence[int], findings: Findings
) -> Iterator[tuple[ShardFacts, pa.Table | None]]:
    """The facts of each shard, and its rows of the listing, in order."""
    shards = plan.parts.shards

    def listed() -> Iterator[tuple[int, pa.Table | None]]:
        # one thread reads the listing: `map_ahead` takes items in the thread that iterates
        last = pa.chunked_array([], pa.string())
        for number in committed:
            tracks = listing.table(shards[number].start, shards[number].stop) if listing else None
            if tracks is not None:
                before = last.chunks if plan.order == "track_id" else []
                ids = pa.chunked_array([*before, *tracks["track_id"].chunks], pa.string())
                if unsorted(ids, unique=True):
                    path = layout.run_path(plan.run_id, "listing/listing.json")
                    findings.add(Kind.DAMAGED, path, f"not sorted and unique in shard {number}")
                last = ids[-1:]
            yield number, tracks

    def checked(item: tuple[int, pa.Table | None]) -> tuple[ShardFacts, pa.Table | None]:
        return check.check(*item), item[1]

    with ThreadPoolExecutor(_READERS) as executor:
        yield from map_ahead(checked, listed(), executor, shards_ahead(2 * _READERS, plan.shard_tracks))


def _add_lost(files: RunFiles, state: State, findings: Findings) -> None:
    """What is wrong with a run that has no plan that can be trusted."""
    folder = layout.run_path(files.run_id, "")
    if state is State.UNPUBLISHED:
        findings.add(Kind.UNPUBLISHED, folder, "a driver stopped while it listed the source")
    elif files.worked_on:
        fault = f"{plural(len(files.shards), 'shard')} committed, and no plan can be read"
        findings.add(Kind.DAMAGED, folder, fault)
    elif "plan.json" not in files.records:
        findings.add(Kind.MISSING, layout.plan_path(files.run_id), "the plan of a run that a head names is missing")


def _check_config(output: Output, plan: RunPlan, findings: Findings) -> bytes | None:
    path = layout.run_path(plan.run_id, "config.yaml")
    try:
        data = output.read(path, missing="the settings of the run are missing")
        if hashlib.sha256(data).hexdigest() != plan.config_sha256:
            raise DamageFound("the settings are not those that the plan names")
    except DamageFound as damage:
        findings.add(kind_of(damage), path, str(damage))
        return None
    return data


def _genres(plan: RunPlan, config: bytes | None) -> list[str] | None:
    """The genres of the run's model, if its bundle is still the one that scored."""
    try:
        settings = yaml.safe_load(config or b"")
        bundle = load_bundle(shipped_with(plan.fingerprint) or settings["bundle"])
        chosen = (settings.get(name) for name in ("min_precision", "tags_above", "min_in_scope"))
        bundle = bundle.chosen(*chosen)
    except (yaml.YAMLError, TypeError, KeyError, UserError, StorageError, UnicodeDecodeError):
        return None
    return list(bundle.manifest.taxonomy.genres) if bundle.fingerprint == plan.fingerprint else None


def _check_manifest(
    plan: RunPlan, manifest: RunManifest, records: Sequence[CommitRecord | None], findings: Findings
) -> None:
    """Whether the manifest is the sum of the shards; damaged shards are findings of their own."""
    path = layout.manifest_path(plan.run_id)
    known = [record for record in records if record is not None]
    if len(known) != len(records):
        _check_names(plan, manifest.files, findings)
        return
    try:
        expected = make_manifest(plan, known)
    except ValueError as error:
        findings.add(Kind.DAMAGED, path, str(error))
        return
    if (manifest.counts, manifest.files) != (expected.counts, expected.files):
        findings.add(Kind.DAMAGED, path, "it is not the sum of the committed shards")


def _check_names(plan: RunPlan, files: Sequence[DataFile], findings: Findings) -> None:
    both = layout.answers_path, layout.rejects_path
    paths = {path_of(plan, shard) for shard in range(plan.shards) for path_of in both}
    for file in files:
        if file.path not in paths:
            fault = f"it names {file.path}, which is not a file of this run"
            findings.add(Kind.DAMAGED, layout.manifest_path(plan.run_id), fault)


def _check_verdict(output: Output, plan: RunPlan, manifest: RunManifest | None, findings: Findings) -> None:
    """Why the run failed, if it did, must fit its counts, unless it was judged together with earlier runs."""
    verdict = read_record(output, layout.verdict_path(plan.run_id), Verdict)
    if verdict.fault:
        findings.add(Kind.DAMAGED, verdict.path, f"it {verdict.fault}")
    elif verdict.value is not None:
        facts, alone = (verdict.value.run_id, verdict.value.listed), len(verdict.value.runs) == 1
        differs = alone and manifest is not None and verdict.value.counts != manifest.counts
        if differs or facts != (plan.run_id, plan.listed):
            findings.add(Kind.DAMAGED, verdict.path, "it is not the verdict on the run")


def _check_report(output: Output, plan: RunPlan, manifest: RunManifest | None, findings: Findings) -> None:
    """The counts of report.json, which may be missing. Nothing else records its times."""
    path = layout.run_path(plan.run_id, "report.json")
    try:
        data = output.read(path)
        report = RunReport.model_validate_json(data)
        if not report.is_written_as(data):
            raise DamageFound("it is not as it was written")
        _check_counts(report, plan, manifest)
    except Missing:
        return
    except DamageFound as damage:
        findings.add(Kind.DAMAGED, path, str(damage))
    except ValueError:
        findings.add(Kind.DAMAGED, path, "it is not a report")


def _check_counts(report: RunReport, plan: RunPlan, manifest: RunManifest | None) -> None:
    facts = report.run_id, report.answers, report.model_id, report.fingerprint, report.listed, report.skipped
    if facts != (plan.run_id, plan.answers, plan.model_id, plan.fingerprint, plan.listed, plan.skipped):
        raise DamageFound("it is not the report of the run")
    if manifest is None:
        return
    counts = manifest.counts
    reasons = {str(reason): number for reason, number in counts.rejected_by_reason.items()}
    reported = Counts(scored=report.scored, abstained=report.abstained, genres=report.genres)
    answers_agree = reported == counts.model_copy(update={"rejected_by_reason": {}})
    if not answers_agree or (report.rejected, report.rejects_by_reason) != (counts.rejected, reasons):
        raise DamageFound("its counts are not those of the run")
