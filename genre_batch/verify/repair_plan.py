"""What a repair would do, worked out from the findings before anything is changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import yaml
from pydantic import ValidationError

from genre_batch.catalog.listing import Listing
from genre_batch.config import FeaturesConfig, ScoreConfig
from genre_batch.errors import UsageError
from genre_batch.model.bundle import shipped_with
from genre_batch.run.jobs import features_job, scoring_job
from genre_batch.sink import layout
from genre_batch.sink.layout import give_up_hint
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord
from genre_batch.storage.local_tree import is_linked
from genre_batch.verify.done_check import index_of
from genre_batch.verify.findings import Finding, Findings, Kind
from genre_batch.verify.output import Missing, Output, Unreadable
from genre_batch.verify.records import RunRecords, State, read_run
from genre_batch.verify.serving_check import damaged_step
from genre_batch.verify.shard_check import ShardCheck

JobSettings = ScoreConfig | FeaturesConfig


def files_of_shard(plan: RunPlan, shard: int) -> Iterator[str]:
    """The paths of everything that a shard may have, in the order in which it can be moved away.

    The next driver would adopt files without a marker, and use staged parts, as they are.
    """
    for part in plan.parts.of(shard):
        yield layout.staged_path(plan.run_id, part.start, part.stop)
    yield layout.rejects_path(plan, shard)
    yield layout.answers_path(plan, shard)
    yield layout.commit_path(plan.run_id, shard)


@dataclass(slots=True)
class RunRepair:
    """The repair of one run.

    again: shards to score again, with `settings`. rewritten: markers to rewrite, since their files are intact. records:
    damaged JSON files that can be restored from the rest of the run. unfinished: the run was not finished yet, and is
    left to the next start of `genre-batch score`.
    """

    plan: RunPlan
    unfinished: bool
    again: list[int] = field(default_factory=list)
    rewritten: list[CommitRecord] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    settings: JobSettings | None = None

    @property
    def reopens(self) -> bool:
        """Whether the repair changes shards or rewrites the manifest."""
        return bool(self.again or self.rewritten or layout.manifest_path(self.plan.run_id) in self.records)

    @property
    def moved(self) -> list[str]:
        """The paths of what is moved away if it exists."""
        paths = [layout.manifest_path(self.plan.run_id)] if self.reopens else []
        paths += [path for path in self.records if path not in paths]
        paths += [path for shard in self.again for path in files_of_shard(self.plan, shard)]
        return paths + [layout.commit_path(self.plan.run_id, record.shard) for record in self.rewritten]


_REPUBLISH = (
    f"copy the newest step of {layout.PUBLISHED_FOLDER} over {layout.PUBLISHED}, or remove that and publish again"
)


@dataclass(slots=True)
class RepairPlan:
    """runs: newest first. pointers and extras: paths to move away. hopeless: what cannot be repaired, and why.

    serving: steps whose serving files are to be written again.
    """

    runs: list[RunRepair] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    hopeless: list[str] = field(default_factory=list)
    serving: list[str] = field(default_factory=list)


def plan_repair(output: Output, findings: Sequence[Finding]) -> RepairPlan:
    """What to do about the damage among `findings`. Writes nothing.

    Raises UsageError if shards have to be scored again and the bundle is not the one that the run was scored with.
    """
    plan, by_run = RepairPlan(), dict[str, list[Finding]]()
    for finding in findings:
        if not finding.is_damage:
            continue
        if finding.path == layout.LATEST or finding.path.startswith(layout.HEADS_FOLDER):
            plan.pointers.append(finding.path)
        elif step := damaged_step(finding):
            plan.serving.append(step)
        elif finding.path == layout.PUBLISHED or finding.path.startswith(layout.PUBLISHED_FOLDER):
            plan.hopeless.append(f"{finding.path}: {finding.message}; {_REPUBLISH}")
        elif index_path := index_of(finding.path):
            # the next publication writes another one
            plan.extras += [path for path in (finding.path, index_path) if path not in plan.extras]
        elif finding.kind is Kind.EXTRA or _is_staged(finding):
            plan.extras.append(finding.path)
        elif finding.run_id:
            by_run.setdefault(finding.run_id, []).append(finding)
    for run_id in sorted(by_run, reverse=True):
        _plan_run(output, run_id, by_run[run_id], plan)
    _skip_unmovable(output, plan)
    return plan


def _is_staged(finding: Finding) -> bool:
    """Whether it is about a staged part: if that is moved away, the next driver does the part again."""
    return finding.run_id is not None and finding.path.startswith(layout.staged_folder(finding.run_id))


def _skip_unmovable(output: Output, plan: RepairPlan) -> None:
    """Take out of the plan what would move a link, something behind a link, or something that cannot be read."""

    def movable(paths: Sequence[str]) -> list[str]:
        faults = {path: fault for path in paths if (fault := _unmovable(output, path))}
        plan.hopeless += [f"{path}: {fault}" for path, fault in faults.items()]
        return [path for path in paths if path not in faults]

    plan.extras, plan.pointers = movable(plan.extras), movable(plan.pointers)
    plan.runs = [run for run in plan.runs if movable(run.moved) == run.moved]


def _unmovable(output: Output, path: str) -> str:
    """Why a file must stay where it is; empty if it can be moved."""
    if is_linked(output.root, output.uri(path)):
        return "it is a link or is behind one, and may belong to something else; take the link out, then repair again"
    try:
        output.read(path)
    except Missing:
        return ""
    except Unreadable as unreadable:
        return f"{unreadable} It may be whole: make it readable or move it out of the output, then repair again"
    return ""


def _plan_run(output: Output, run_id: str, findings: Sequence[Finding], plan: RepairPlan) -> None:
    records = read_run(output, run_id, Findings())
    if records.plan is None:
        plan_path = layout.plan_path(run_id)
        fault = _unmovable(output, plan_path) or f"the plan is lost; {_lost_plan_hint(output, records)}"
        plan.hopeless.append(f"{plan_path}: {fault}")
        return
    run = RunRepair(records.plan, unfinished=records.state is not State.FINISHED)
    run.records = _restorable(output, findings, records, plan)
    listing_damaged = _add_hopeless(run_id, findings, plan)
    _sort_shards(output, records, findings, run, with_listing=not listing_damaged)
    if run.again and not listing_damaged:
        run.settings = _settings(output, run.plan, plan)
    if run.again and run.settings is None:
        plan.hopeless.append(f"{run_id}: shards {run.again} cannot be scored again without that")
        run.again = []
        return
    if run.reopens or run.records:
        plan.runs.append(run)


def _lost_plan_hint(output: Output, records: RunRecords) -> str:
    if records.files.records & {"manifest.json", "report.json"}:
        return "restore plan.json or manifest.json from a copy of the output"
    give_up = give_up_hint(output.root, records.files.run_id)
    return f"restore it from a copy of the output, or give the run up: {give_up}"


def _restorable(output: Output, findings: Iterable[Finding], records: RunRecords, plan: RepairPlan) -> list[str]:
    """The damaged records that can be restored: the plan from the manifest, the others from the markers."""
    run_id = records.files.run_id
    plan_path, manifest_path = layout.plan_path(run_id), layout.manifest_path(run_id)
    paths = {finding.path for finding in findings}
    if plan_path in paths and records.manifest is None:
        plan.hopeless.append(
            f"{plan_path}: there is no copy of it in a manifest; restore it from a copy of the output, or give the run "
            f"up: {give_up_hint(output.root, run_id)}"
        )
        paths.remove(plan_path)
    verdict_path, report_path = layout.verdict_path(run_id), layout.run_path(run_id, "report.json")
    if verdict_path in paths:
        # without its report the run counts as stopped before its verdict: the next start judges it again
        paths.add(report_path)
    return sorted(paths & {plan_path, manifest_path, verdict_path, report_path})


def _add_hopeless(run_id: str, findings: Iterable[Finding], plan: RepairPlan) -> bool:
    """Add what has no second copy to the plan; whether the listing is part of that."""
    folder, config = layout.run_path(run_id, "listing/"), layout.run_path(run_id, "config.yaml")
    paths = {finding.path for finding in findings}
    listing = sorted(path for path in paths if path.startswith(folder))
    hint = "restore it from a copy of the output; its scores are usable, but no shard of it can be scored again"
    plan.hopeless += [f"{path}: a frozen listing cannot be repaired; {hint}" for path in listing]
    if config in paths:
        plan.hopeless.append(f"{config}: the settings of a run cannot be repaired; restore them from a copy")
    return bool(listing)


def _sort_shards(
    output: Output, records: RunRecords, findings: Iterable[Finding], run: RunRepair, *, with_listing: bool
) -> None:
    """Decide for each damaged shard whether its files are intact, so that it is enough to rewrite its marker."""
    damaged = sorted({finding.shard for finding in findings if finding.shard is not None})
    if not damaged:
        return
    named = {file.path: file for file in records.manifest.files} if records.manifest else None
    check = ShardCheck(output, run.plan, named, None)
    listing = Listing(output.store, layout.listing_folder(output.root, run.plan.run_id)) if with_listing else None
    shards = run.plan.parts.shards
    for shard in damaged:
        tracks = listing.table(shards[shard].start, shards[shard].stop) if listing else None
        found = check.check(shard, tracks)
        marker = layout.commit_path(run.plan.run_id, shard)
        if found.record is None:
            run.again.append(shard)
        elif any(each.path == marker for each in found.findings.kept):
            run.rewritten.append(found.record)


def _settings(output: Output, plan: RunPlan, repair: RepairPlan) -> JobSettings | None:
    """The settings that the run was planned with, for this output; None if they are damaged."""
    path = layout.run_path(plan.run_id, "config.yaml")
    if any(hopeless.startswith(f"{path}:") for hopeless in repair.hopeless):
        return None
    kind = ScoreConfig if plan.answers == "scores" else FeaturesConfig
    try:
        settings = kind.model_validate(yaml.safe_load(output.read(path)) | {"output": output.root})
    except (ValidationError, TypeError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path} does not hold settings of this version", "use the version of genre-batch that planned the run"
        ) from error
    if isinstance(settings, ScoreConfig) and (shipped := shipped_with(plan.fingerprint)):
        settings = settings.model_copy(update={"bundle": shipped})  # its name may have changed since
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
        f"put {plan.model_id} back at {source}; damaged shards cannot be scored again with another model",
    )
