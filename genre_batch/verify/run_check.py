"""One run held against its records: plan, settings, listing, markers, files, manifest, report."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa
import yaml

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.shards import plan_shards
from genre_batch.errors import DamageFound, UserError
from genre_batch.model.bundle import load_bundle
from genre_batch.run.report import ScoreReport
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest, make_manifest
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.prefetch import prefetched, shards_at_once
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.storage.store import ObjectGone, StorageError, Store
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.listing_check import check_listing
from genre_batch.verify.reading import Unreadable, reading
from genre_batch.verify.run_files import RunFiles, run_files
from genre_batch.verify.run_records import head_of, heads_naming, read_run_records
from genre_batch.verify.shard_check import ShardCheck, ShardFacts
from genre_batch.verify.staged_check import check_staged
from genre_batch.verify.table_rows import unsorted

_READERS = 8

OnShard = Callable[["CheckedRun", ShardFacts, pa.Table | None], None]


class State(StrEnum):
    """How far a run is. `unpublished`: it was planned, but never became the run to carry out."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    UNPUBLISHED = "unpublished"
    LOST = "lost"


@dataclass(slots=True)
class CheckedRun:
    """What is known of a run after its check.

    plan: None where it is lost. listing: of an unfinished run, where it is whole. answers, rejects: the shards that
    have a committed file of this kind. files, size_bytes and tracks: of what was read.
    """

    run_id: str
    state: State
    plan: RunPlan | None = None
    reported: bool = False
    answers: set[int] = field(default_factory=set)
    rejects: set[int] = field(default_factory=set)
    files: int = 0
    size_bytes: int = 0
    tracks: int = 0
    listing: Listing | None = None


def check_run(store: Store, output: str, run_id: str, findings: Findings, on_shard: OnShard) -> CheckedRun:
    """Check one run; `on_shard` is told of each shard in the order of the listing.

    Memory holds a few shards, and some bytes for each shard of the run.
    """
    files = run_files(store, output, run_id)
    _note_strangers(files, findings)
    records = read_run_records(store, output, files, findings)
    plan, manifest = records.plan, records.manifest
    if plan is None:
        return _lost(store, output, files, findings)
    checked = CheckedRun(run_id, state_of(store, output, files, plan, findings), plan, "report.json" in files.records)
    if checked.state is State.UNPUBLISHED:
        return checked
    config = _check_config(store, output, plan, findings)
    listing = check_listing(store, output, plan, files, findings)
    for shard in sorted(files.shards - set(range(plan.shards))):
        path = layout.commit_path(run_id, shard)
        findings.add(Kind.EXTRA, path, "a commit marker of a shard that the run does not have", run_id=run_id)
    committed = set(range(plan.shards)) if checked.state is State.FINISHED else files.shards & set(range(plan.shards))
    named = {file.path: file for file in manifest.files} if manifest else None
    if checked.state is State.UNFINISHED:
        checked.listing = listing
        check_staged(store, output, plan, files, listing, findings)
    check = ShardCheck(store, output, plan, named, _genres(plan, config))
    told = [
        _told(checked, facts, tracks, findings, on_shard)
        for facts, tracks in _facts(check, plan, listing, sorted(committed), findings)
    ]
    if manifest is not None:
        _check_manifest(plan, manifest, told, findings)
    _check_report(store, output, plan, manifest, findings)
    return checked


def _told(
    checked: CheckedRun, facts: ShardFacts, tracks: pa.Table | None, findings: Findings, on_shard: OnShard
) -> CommitRecord | None:
    """Count a shard and pass it on; what its marker should say."""
    findings.extend(facts.findings)
    checked.answers.add(facts.shard)
    record = facts.record or facts.marker
    if record is None or len(record.files) > 1:
        checked.rejects.add(facts.shard)
    checked.files += len(record.files) if record else 0
    checked.size_bytes += facts.size_bytes
    checked.tracks += record.counts.scored + record.counts.rejected if record else 0
    on_shard(checked, facts, tracks)
    return facts.record


def _facts(
    check: ShardCheck, plan: RunPlan, listing: Listing | None, committed: Sequence[int], findings: Findings
) -> Iterator[tuple[ShardFacts, pa.Table | None]]:
    shards = plan_shards(plan.tracks, plan.shard_tracks)

    def work() -> Iterator[tuple[int, pa.Table | None]]:
        # a listing is for one thread; `prefetched` takes items in the thread that iterates
        last = pa.chunked_array([], pa.string())
        for number in committed:
            tracks = listing.table(shards[number].start, shards[number].stop) if listing else None
            if tracks is not None:
                ids = pa.chunked_array([*last.chunks, *tracks["track_id"].chunks], pa.string())
                if unsorted(ids, unique=True):
                    path = layout.run_path(plan.run_id, "listing/listing.json")
                    findings.add(Kind.DAMAGED, path, f"not sorted and unique in shard {number}", run_id=plan.run_id)
                last = ids[-1:]
            yield number, tracks

    def facts(item: tuple[int, pa.Table | None]) -> tuple[ShardFacts, pa.Table | None]:
        return check.check(*item), item[1]

    with ThreadPoolExecutor(_READERS) as executor:
        yield from prefetched(facts, work(), executor, shards_at_once(2 * _READERS, plan.shard_tracks))


def _note_strangers(files: RunFiles, findings: Findings) -> None:
    for path in files.strangers:
        findings.add(Kind.UNKNOWN, path, "no file of a run", run_id=files.run_id)
    for path in files.stray_markers:
        findings.add(Kind.EXTRA, path, "no commit marker", run_id=files.run_id)


def _lost(store: Store, output: str, files: RunFiles, findings: Findings) -> CheckedRun:
    """A run without a plan that can be trusted."""
    path, state = layout.run_path(files.run_id, ""), state_without_plan(store, output, files)
    if state is State.UNPUBLISHED:
        findings.add(Kind.UNPUBLISHED, path, "a driver stopped while it listed the source", run_id=files.run_id)
    elif files.worked_on:
        said = f"{len(files.shards):,} shards are committed, and no plan can be read"
        findings.add(Kind.DAMAGED, path, said, run_id=files.run_id)
    elif "plan.json" not in files.records:
        said = "the plan of a run that was to be carried out is missing"
        findings.add(Kind.MISSING, layout.plan_path(files.run_id), said, run_id=files.run_id)
    return CheckedRun(files.run_id, state)


def state_without_plan(store: Store, output: str, files: RunFiles) -> State:
    """Whether a run without a readable plan never had one, or has lost it."""
    known = files.worked_on or "plan.json" in files.records or heads_naming(store, output, files.run_id)
    return State.LOST if known else State.UNPUBLISHED


def state_of(store: Store, output: str, files: RunFiles, plan: RunPlan, findings: Findings) -> State:
    """How far a run is; what is odd about that is noted."""
    head, run_id = head_of(store, output, plan), files.run_id
    mine = head.value is not None and head.value.run_id == run_id
    if "manifest.json" in files.records:
        return State.FINISHED
    if "report.json" in files.records or (files.worked_on and not mine and head.value is not None):
        findings.add(Kind.MISSING, layout.manifest_path(run_id), "the manifest is missing", run_id=run_id)
        return State.FINISHED
    if not files.worked_on and not mine:
        findings.add(
            Kind.UNPUBLISHED, layout.run_path(run_id, ""), "planned, but another run was carried out", run_id=run_id
        )
        return State.UNPUBLISHED
    said = f"{len(files.shards):,} of {plan.shards:,} shards are committed; `genre-batch score` goes on with it"
    findings.add(Kind.UNFINISHED, layout.run_path(run_id, ""), said, tracks=plan.tracks, run_id=run_id)
    return State.UNFINISHED


def _check_config(store: Store, output: str, plan: RunPlan, findings: Findings) -> bytes | None:
    path = layout.run_path(plan.run_id, "config.yaml")
    try:
        with reading():
            data = store.read(layout.at(output, path))
    except ObjectGone:
        findings.add(Kind.MISSING, path, "the settings of the run are missing", run_id=plan.run_id)
        return None
    except Unreadable as unreadable:
        findings.add(Kind.DAMAGED, path, str(unreadable), run_id=plan.run_id)
        return None
    if hashlib.sha256(data).hexdigest() != plan.config_sha256:
        findings.add(Kind.DAMAGED, path, "the settings are not those that the plan names", run_id=plan.run_id)
        return None
    return data


def _genres(plan: RunPlan, config: bytes | None) -> list[str] | None:
    """The genres of the run's model, where its bundle is still the one that scored."""
    try:
        settings = yaml.safe_load(config or b"")
        bundle = load_bundle(settings["bundle"])
    except (yaml.YAMLError, TypeError, KeyError, UserError, StorageError, UnicodeDecodeError):
        return None
    return list(bundle.manifest.taxonomy.genres) if bundle.fingerprint == plan.fingerprint else None


def _check_manifest(
    plan: RunPlan, manifest: RunManifest, records: Sequence[CommitRecord | None], findings: Findings
) -> None:
    """Whether the manifest is the sum of the shards; a shard that is damaged has been told of already."""
    path = layout.manifest_path(plan.run_id)
    known = [record for record in records if record is not None]
    if len(known) != len(records):
        _check_names(plan, manifest.files, findings)
        return
    try:
        expected = make_manifest(plan, known)
    except ValueError as error:
        findings.add(Kind.DAMAGED, path, str(error), run_id=plan.run_id)
        return
    if (manifest.counts, manifest.files) != (expected.counts, expected.files):
        findings.add(Kind.DAMAGED, path, "it is not the sum of the committed shards", run_id=plan.run_id)


def _check_names(plan: RunPlan, files: Sequence[DataFile], findings: Findings) -> None:
    paths = {make(plan, shard) for shard in range(plan.shards) for make in (layout.answers_path, layout.rejects_path)}
    strangers = [file.path for file in files if file.path not in paths]
    for path in strangers:
        fault = f"it names {path}, which is no file of this run"
        findings.add(Kind.DAMAGED, layout.manifest_path(plan.run_id), fault, run_id=plan.run_id)


def _check_report(store: Store, output: str, plan: RunPlan, manifest: RunManifest | None, findings: Findings) -> None:
    """The counts of report.json, which may be missing. Its figures of time have no second witness."""
    path = layout.run_path(plan.run_id, "report.json")
    try:
        with reading():
            data = store.read(layout.at(output, path))
        report = ScoreReport.model_validate_json(data)
        if report.model_dump_json(indent=1, exclude_unset=True).encode() != data:
            raise DamageFound("it is not as it was written")
        _check_counts(report, plan, manifest)
    except ObjectGone:
        return
    except (ValueError, DamageFound) as error:
        fault = str(error) if isinstance(error, DamageFound) else "it is not a report"
        findings.add(Kind.DAMAGED, path, fault, run_id=plan.run_id)


def _check_counts(report: ScoreReport, plan: RunPlan, manifest: RunManifest | None) -> None:
    facts = report.run_id, report.answers, report.model_id, report.fingerprint, report.listed, report.skipped
    if facts != (plan.run_id, plan.answers, plan.model_id, plan.fingerprint, plan.listed, plan.skipped):
        raise DamageFound("it is not the report of the run")
    if manifest is None:
        return
    told, counts = Counts(scored=report.scored, abstained=report.abstained, genres=report.genres), manifest.counts
    reasons = {str(reason): number for reason, number in counts.rejected_by_reason.items()}
    rejects = report.rejected, report.rejects_by_reason
    if told != counts.model_copy(update={"rejected_by_reason": {}}) or rejects != (counts.rejected, reasons):
        raise DamageFound("its counts are not those of the run")
