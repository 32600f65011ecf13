"""What a repair would do, worked out from the findings before anything is touched."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import yaml
from pydantic import ValidationError

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.shards import plan_shards
from genre_batch.config import FeaturesConfig, ScoreConfig
from genre_batch.errors import UsageError
from genre_batch.run.job import features_job, scoring_job
from genre_batch.run.planning import listing_folder
from genre_batch.sink import layout
from genre_batch.sink.mending import giving_up
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord
from genre_batch.storage.links import is_linked
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.findings import Finding, Findings, Kind
from genre_batch.verify.reading import Unreadable, reading
from genre_batch.verify.run_files import RunFiles, run_files
from genre_batch.verify.run_records import RunRecords, read_run_records
from genre_batch.verify.shard_check import ShardCheck

JobSettings = ScoreConfig | FeaturesConfig


def files_of_shard(plan: RunPlan, shard: int) -> Iterator[str]:
    """All that a shard may have, in the order in which it can go.

    A file without a marker would be taken over by the next driver as it is, and so would staged parts.
    """
    for part in plan.parts.of(shard):
        yield layout.staged_path(plan.run_id, part.start, part.stop)
    yield layout.rejects_path(plan, shard)
    yield layout.answers_path(plan, shard)
    yield layout.commit_path(plan.run_id, shard)


@dataclass(slots=True)
class RunRepair:
    """The repair of one run.

    again: shards to be scored again, with `settings`. rewritten: markers to be written anew, since their files are
    whole. records: damaged JSON files that the rest of the run makes up for. unfinished: the run was not finished yet,
    and is left to the next start of `genre-batch score`.
    """

    plan: RunPlan
    unfinished: bool
    again: list[int] = field(default_factory=list)
    rewritten: list[CommitRecord] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    settings: JobSettings | None = None

    @property
    def reopens(self) -> bool:
        """Whether shards are touched or the manifest is to be written again."""
        return bool(self.again or self.rewritten or layout.manifest_path(self.plan.run_id) in self.records)

    @property
    def moved(self) -> list[str]:
        """The paths of what is moved away, as far as it is there."""
        paths = [layout.manifest_path(self.plan.run_id)] if self.reopens else []
        paths += [path for path in self.records if path not in paths]
        paths += [path for shard in self.again for path in files_of_shard(self.plan, shard)]
        return paths + [layout.commit_path(self.plan.run_id, record.shard) for record in self.rewritten]


@dataclass(slots=True)
class RepairPlan:
    """runs: newest first. pointers and extras: paths to move away. hopeless: what cannot be repaired, and why."""

    runs: list[RunRepair] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    hopeless: list[str] = field(default_factory=list)


def plan_repair(store: Store, output: str, findings: Sequence[Finding]) -> RepairPlan:
    """What to do about the damage among `findings`. Nothing is written.

    Raises UsageError where shards have to be scored again and the bundle is not the one that the run was scored with.
    """
    plan = RepairPlan()
    damage = [finding for finding in findings if finding.is_damage]
    for finding in damage:
        if finding.path == layout.LATEST or finding.path.startswith(layout.HEADS_FOLDER):
            plan.pointers.append(finding.path)
        elif finding.kind is Kind.EXTRA or _is_staged(finding):
            plan.extras.append(finding.path)
        elif finding.kind is Kind.SCORED_TWICE:
            plan.hopeless.append(f"{finding.path}: {finding.message}; keep the rows with the newest event_timestamp")
    rest = [finding for finding in damage if finding.kind not in (Kind.EXTRA, Kind.SCORED_TWICE)]
    rest = [finding for finding in rest if finding.run_id and not _is_staged(finding)]
    for run_id in sorted({finding.run_id for finding in rest if finding.run_id}, reverse=True):
        _plan_run(store, output, run_id, [finding for finding in rest if finding.run_id == run_id], plan)
    _leave_unmovable(store, output, plan)
    return plan


def _is_staged(finding: Finding) -> bool:
    """Whether it is of a part that waits for its shard: without it, the next driver does the part again."""
    return finding.run_id is not None and finding.path.startswith(layout.staged_folder(finding.run_id))


def _leave_unmovable(store: Store, output: str, plan: RepairPlan) -> None:
    """Take out of the plan what would move a link, or what lies behind one, or what cannot be read."""

    def movable(paths: Sequence[str]) -> list[str]:
        faults = {path: fault for path in paths if (fault := _unmovable(store, output, path))}
        plan.hopeless += [f"{path}: {fault}" for path, fault in faults.items()]
        return [path for path in paths if path not in faults]

    plan.extras, plan.pointers = movable(plan.extras), movable(plan.pointers)
    plan.runs = [run for run in plan.runs if movable(run.moved) == run.moved]


def _unmovable(store: Store, output: str, path: str) -> str:
    """Why a file must stay where it is; empty where it need not."""
    uri = layout.at(output, path)
    if is_linked(output, uri):
        return "it is a link or lies behind one, and may be somebody else's; take the link out, then repair again"
    try:
        with suppress(ObjectGone), reading():
            store.read(uri)
    except Unreadable as unreadable:
        return f"{unreadable} It may be whole: let it be read, then repair again"
    return ""


def _plan_run(store: Store, output: str, run_id: str, findings: Sequence[Finding], plan: RepairPlan) -> None:
    files = run_files(store, output, run_id)
    records = read_run_records(store, output, files, Findings())
    if records.plan is None:
        plan_path = layout.plan_path(run_id)
        fault = _unmovable(store, output, plan_path) or f"the plan is lost; {_without_plan(output, files)}"
        plan.hopeless.append(f"{plan_path}: {fault}")
        return
    unfinished = records.manifest is None and "report.json" not in files.records and not _told_missing(findings, run_id)
    run = RunRepair(records.plan, unfinished)
    run.records = _records(output, run_id, findings, records, plan)
    listing_damaged = _note_hopeless(run_id, findings, plan)
    _sort_shards(store, output, records, findings, run, with_listing=not listing_damaged)
    if run.again and not listing_damaged:
        run.settings = _settings(store, output, run.plan, plan)
    if run.again and run.settings is None:
        plan.hopeless.append(f"{run_id}: shards {run.again} cannot be scored again without that")
        run.again = []
        return
    if run.reopens or run.records:
        plan.runs.append(run)


def _without_plan(output: str, files: RunFiles) -> str:
    if files.records & {"manifest.json", "report.json"}:
        return "restore plan.json or manifest.json from a copy of the output"
    return f"restore it from a copy of the output, or give the run up: {giving_up(output, files.run_id)}"


def _told_missing(findings: Sequence[Finding], run_id: str) -> bool:
    manifest = layout.manifest_path(run_id)
    return any(finding.path == manifest for finding in findings)


def _records(output: str, run_id: str, findings: Iterable[Finding], records: RunRecords, plan: RepairPlan) -> list[str]:
    """The damaged records that can be made anew: the plan from the manifest, the manifest from the markers."""
    plan_path, manifest_path = layout.plan_path(run_id), layout.manifest_path(run_id)
    paths = {finding.path for finding in findings}
    if plan_path in paths and records.manifest is None:
        plan.hopeless.append(
            f"{plan_path}: no manifest has a copy of it; restore it from a copy of the output, or give the run up: "
            f"{giving_up(output, run_id)}"
        )
        paths.remove(plan_path)
    return sorted(paths & {plan_path, manifest_path, layout.run_path(run_id, "report.json")})


def _note_hopeless(run_id: str, findings: Iterable[Finding], plan: RepairPlan) -> bool:
    """Note what has no second copy; whether the listing is part of that."""
    listing = layout.run_path(run_id, "listing/")
    paths = sorted({finding.path for finding in findings if finding.path.startswith(listing)})
    hint = "restore it from a copy of the output; the scores stand without it, but their shards cannot be done again"
    plan.hopeless += [f"{path}: a frozen listing cannot be repaired; {hint}" for path in paths]
    config = layout.run_path(run_id, "config.yaml")
    if any(finding.path == config for finding in findings):
        plan.hopeless.append(f"{config}: the settings of a run cannot be repaired; restore them from a copy")
    return bool(paths)


def _sort_shards(
    store: Store,
    output: str,
    records: RunRecords,
    findings: Iterable[Finding],
    run: RunRepair,
    *,
    with_listing: bool,
) -> None:
    """Whether the files of each damaged shard are whole, so that its marker alone is written anew."""
    damaged = sorted({finding.shard for finding in findings if finding.shard is not None})
    if not damaged:
        return
    named = {file.path: file for file in records.manifest.files} if records.manifest else None
    check = ShardCheck(store, output, run.plan, named, None)
    listing = Listing(store, listing_folder(output, run.plan.run_id)) if with_listing else None
    shards = plan_shards(run.plan.tracks, run.plan.shard_tracks)
    for shard in damaged:
        tracks = listing.table(shards[shard].start, shards[shard].stop) if listing else None
        found = check.check(shard, tracks)
        marker = layout.commit_path(run.plan.run_id, shard)
        if found.record is None:
            run.again.append(shard)
        elif any(each.path == marker for each in found.findings):
            run.rewritten.append(found.record)


def _settings(store: Store, output: str, plan: RunPlan, repair: RepairPlan) -> JobSettings | None:
    """The settings that the run was planned with, for `output` as it is called now; None where they are damaged."""
    path = layout.run_path(plan.run_id, "config.yaml")
    if any(hopeless.startswith(f"{path}:") for hopeless in repair.hopeless):
        return None
    kind = ScoreConfig if plan.answers == "scores" else FeaturesConfig
    try:
        settings = kind.model_validate(yaml.safe_load(store.read(layout.at(output, path))) | {"output": output})
    except (ValidationError, TypeError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path} holds no settings of this version", "use the version that the run began with"
        ) from error
    _check_bundle(settings, plan)
    return settings


def _check_bundle(settings: JobSettings, plan: RunPlan) -> None:
    job = scoring_job(settings) if isinstance(settings, ScoreConfig) else features_job(settings)
    if job.fingerprint == plan.fingerprint:
        return
    source = settings.bundle if isinstance(settings, ScoreConfig) else settings.recipe
    raise UsageError(
        f"run {plan.run_id} was made with {plan.model_id} (fingerprint {plan.fingerprint[:16]}…), but {source} is now "
        f"{job.model_id} (fingerprint {job.fingerprint[:16]}…)",
        f"put {plan.model_id} back at {source}; damaged shards cannot be done again with another model",
    )
