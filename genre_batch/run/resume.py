"""What a user reads when a run is resumed, or when settings or libraries that differ rule that out."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import yaml

from genre_batch.catalog.name_patterns import NamePatterns, selection_for
from genre_batch.catalog.reject import printable
from genre_batch.config import ScoreConfig, TableConfig, Yaml
from genre_batch.errors import UsageError
from genre_batch.model.bundle import Bundle, load_bundle, shipped_with
from genre_batch.run.jobs import Job
from genre_batch.sink import layout
from genre_batch.sink.layout import give_up_hint
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.wording import plural

_LIBRARIES = (
    "genre-batch",
    "ray",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "librosa",
    "soundfile",
    "miniaudio",
    "av",
    "soxr",
    "pyarrow",
)
"""The libraries whose version can change an answer."""

_DECISIVE = ("bundle", "min_precision", "min_in_scope", "tags_above")
_NOT_COMPARED = {"source", "output", "retry", "beside_unfinished", "publish"}
_FIXED_BY_THE_PLAN = ("shard_tracks", "part_tracks", "include", "exclude")
_HASH_CHARACTERS = 12
_BUNDLE_PARTS = ("architecture", "front_end", "taxonomy", "calibration", "thresholds", "pooling")

Changes = dict[str, tuple[str, str]]
"""By name: the planned value and the present one."""


def library_versions() -> dict[str, str]:
    """The versions of the libraries that can change an answer, without those that are not installed."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def resume_notice(store: Store, config: TableConfig, plan: RunPlan, kept: int) -> str:
    """The lines to print when the run of `plan` is resumed: what is done, and which settings that differ take effect.

    kept: the tracks that have their outcome already.
    """
    counts = f"{kept:,} kept, {plan.tracks - kept:,} to do"
    lines = [f"resuming run {plan.run_id} of {plural(plan.tracks, 'track')}, as it was planned: {counts}"]
    present = flat_settings(config.model_dump(mode="json"))
    changes = changed(planned_settings(store, config.output, plan.run_id), present)
    planned = {"shard_tracks": plan.shard_tracks, "part_tracks": plan.part_tracks or plan.shard_tracks}
    asked = {"shard_tracks": config.shard_tracks, "part_tracks": config.part_tracks}
    lines += [
        f"it keeps {name}={value}, not {asked[name]}"
        for name, value in planned.items()
        if asked[name] not in (None, value)
    ]
    asked_for = selection_for(config.source, config.include, config.exclude).patterns
    if {"include", "exclude"} <= plan.model_fields_set and asked_for != NamePatterns(plan.include, plan.exclude):
        lines.append("it keeps the listing that was made with other patterns in include or exclude")
    if end := end_of(plan, config, None):
        lines.append(f"it ends at {end.astimezone():%Y-%m-%d %H:%M %Z}, as it was planned")
    others = [f"{name}={new} (was {old})" for name, (old, new) in changes.items() if name not in _FIXED_BY_THE_PLAN]
    if others:
        lines.append(f"from here on it uses {', '.join(others)}")
    if config.retry:
        lines.append(f"--retry {' --retry '.join(config.retry)} has no effect on it: start again once it has finished")
    return "".join(f"{line}\n" for line in lines)


def end_of(plan: RunPlan, config: TableConfig, of_this_start: datetime | None) -> datetime | None:
    """When a run is to finish: at the time that was planned, unless `finish_by` is another now; None: no limit.

    of_this_start: what `finish_by` means for a run that begins now.
    """
    return plan.finish_at if plan.finish_by == config.finish_by else of_this_start


def resume_refusal(store: Store, config: TableConfig, job: Job[TableConfig], plan: RunPlan) -> UsageError:
    """The error that says why `job` cannot continue the unfinished run of `plan`, and what can be done about it."""
    planned = planned_settings(store, config.output, plan.run_id)
    present = flat_settings(config.model_dump(mode="json"))
    names = _DECISIVE if isinstance(config, ScoreConfig) else ("recipe",)
    changes = changed({"model": plan.model_id}, {"model": job.model_id})
    changes |= {"fingerprint": (plan.fingerprint[:_HASH_CHARACTERS], job.fingerprint[:_HASH_CHARACTERS])}
    before = {name: planned.get(name, "null") for name in names if planned}
    changes |= changed(before, present)
    changes |= changed(plan.versions, library_versions())
    difference = ", ".join(f"{key} {old} (now {new})" for key, (old, new) in changes.items())
    if isinstance(config, ScoreConfig) and (parts := _changed_parts(planned.get("bundle", ""), plan, config.bundle)):
        difference += f"; the bundles differ in {' and '.join(parts)}"
    settings = {name: before[name] for name in before if name in changes}
    shipped = shipped_with(plan.fingerprint)  # earlier defaults are now shipped under other names
    if shipped and isinstance(config, ScoreConfig) and shipped != config.bundle:
        settings["bundle"] = shipped
    finish = " ".join(f"--set {name}={value}" for name, value in settings.items())
    finish = finish or f"{plan.model_id} restored at {planned.get(names[0], plan.model_id)}"
    return UsageError(
        f"run {plan.run_id} over {plan.source} is unfinished, and was planned differently: {difference}",
        f"finish it with {finish}; or give it up: {give_up_hint(config.output, plan.run_id)}; "
        "or leave it and start another: --set beside_unfinished=true",
    )


def _changed_parts(planned: str, plan: RunPlan, present: str) -> list[str]:
    """The parts in which two bundles differ; empty if the planned one is no longer found at `planned`."""
    if not planned:
        return []
    try:
        before, after = load_bundle(planned), load_bundle(present)
    except UsageError:
        return []
    if before.fingerprint != plan.fingerprint:
        return []
    parts = [name for name in _BUNDLE_PARTS if getattr(before.manifest, name) != getattr(after.manifest, name)]
    return [*parts, "weights"] if _weight_hashes(before) != _weight_hashes(after) else parts


def _weight_hashes(bundle: Bundle) -> list[str]:
    return [bundle.manifest.files[name] for name in bundle.manifest.architecture.weight_files]


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """The values that differ, of the names that both have, in the order of `after`."""
    return {name: (before[name], after[name]) for name in after if name in before and before[name] != after[name]}


def planned_settings(store: Store, output: str, run_id: str) -> dict[str, str]:
    """The settings a run was planned with, as text by path; empty if they are missing or unreadable."""
    try:
        planned = yaml.safe_load(store.read(layout.at(output, layout.run_path(run_id, "config.yaml"))))
    except (ObjectGone, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return flat_settings(planned) if isinstance(planned, dict) else {}


def flat_settings(settings: Mapping[str, Yaml]) -> dict[str, str]:
    """Settings as text by path, such as `extract.max_size`, without those that name the source, output and tracks."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if name in _NOT_COMPARED:
            continue
        if isinstance(value, dict):
            found |= {f"{name}.{key}": text for key, text in flat_settings(value).items()}
        else:
            found[str(name)] = "null" if value is None else printable(str(value))
    return found
