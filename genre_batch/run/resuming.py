"""What an unfinished run was planned with, held against what is asked for by now."""

from collections.abc import Mapping

import yaml

from genre_batch.catalog.reject import printable
from genre_batch.config import ScoreConfig, TableConfig, Yaml
from genre_batch.errors import UsageError
from genre_batch.model.architecture import weight_files
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.run.job import Job
from genre_batch.run.libraries import library_versions
from genre_batch.sink import layout
from genre_batch.sink.mending import giving_up
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import ObjectGone, Store

_NOT_COMPARED = {"source", "output", "retry", "beside_unfinished"}
_OF_THE_PLAN = ("shard_tracks", "part_tracks")
_HASH_CHARACTERS = 12
_PARTS = ("architecture", "front_end", "taxonomy", "calibration", "thresholds", "pooling")

Changes = dict[str, tuple[str, str]]
"""By name: as it was planned, and as it is by now."""


def resuming(store: Store, config: TableConfig, plan: RunPlan) -> str:
    """What to say when a run is resumed, in lines: whose settings hold, where they differ."""
    lines = [f"resuming run {plan.run_id} of {plan.tracks:,} tracks, as it was planned"]
    changes = changed(kept_settings(store, config.output, plan.run_id), flat(config.model_dump(mode="json")))
    planned = {"shard_tracks": plan.shard_tracks, "part_tracks": plan.part_tracks or plan.shard_tracks}
    asked = {"shard_tracks": config.shard_tracks, "part_tracks": config.part_tracks}
    lines += [
        f"its {name}={now} stands, not {asked[name]}" for name, now in planned.items() if asked[name] not in (None, now)
    ]
    others = [f"{name}={new} (was {old})" for name, (old, new) in changes.items() if name not in _OF_THE_PLAN]
    if others:
        lines.append(f"from here on with {', '.join(others)}")
    if config.retry:
        lines.append(f"--retry {' --retry '.join(config.retry)} waits until it has finished: then start again")
    return "".join(f"{line}\n" for line in lines)


def refusal(store: Store, config: TableConfig, job: Job, plan: RunPlan) -> UsageError:
    """Why `job` cannot go on with the unfinished run of `plan`: what differs, and the ways on."""
    kept, now = kept_settings(store, config.output, plan.run_id), flat(config.model_dump(mode="json"))
    name = "bundle" if isinstance(config, ScoreConfig) else "recipe"
    changes = changed({"model": plan.model_id}, {"model": job.model_id})
    changes |= {"fingerprint": (plan.fingerprint[:_HASH_CHARACTERS], job.fingerprint[:_HASH_CHARACTERS])}
    changes |= changed({key: value for key, value in kept.items() if key == name}, now)
    changes |= changed(plan.versions, library_versions())
    differ = ", ".join(f"{key} {old} (here {new})" for key, (old, new) in changes.items())
    if isinstance(config, ScoreConfig) and (parts := _parts(kept.get("bundle", ""), plan, config.bundle)):
        differ += f"; the bundles differ in {' and '.join(parts)}"
    before = kept.get(name, plan.model_id)
    finish = f"--set {name}={before}" if name in changes else f"{plan.model_id} back at {before}"
    return UsageError(
        f"run {plan.run_id} over {plan.source} is unfinished, and was planned with other things: {differ}",
        f"finish it with {finish}; or give it up: {giving_up(config.output, plan.run_id)}; "
        "or leave it and start another: --set beside_unfinished=true",
    )


def _parts(planned: str, plan: RunPlan, here: str) -> list[str]:
    """What makes the difference of two bundles; nothing where the one of the plan is not at `planned` any more."""
    if not planned:
        return []
    try:
        before, now = load_bundle(planned), load_bundle(here)
    except UsageError:
        return []
    if before.fingerprint != plan.fingerprint:
        return []
    parts = [name for name in _PARTS if getattr(before.manifest, name) != getattr(now.manifest, name)]
    return [*parts, "weights"] if _weights(before) != _weights(now) else parts


def _weights(bundle: Bundle) -> list[str]:
    return [bundle.manifest.files[name] for name in weight_files(bundle.manifest.architecture)]


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> Changes:
    """What both have and is not the same, in the order of `now`."""
    return {name: (before[name], now[name]) for name in now if name in before and before[name] != now[name]}


def kept_settings(store: Store, output: str, run_id: str) -> dict[str, str]:
    """The settings that a run was planned with, in words; nothing where they are not there or cannot be read."""
    try:
        kept = yaml.safe_load(store.read(layout.at(output, layout.run_path(run_id, "config.yaml"))))
    except (ObjectGone, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return flat(kept) if isinstance(kept, dict) else {}


def flat(settings: Mapping[str, Yaml]) -> dict[str, str]:
    """Settings by path, such as `extract.max_size`, in words, without those that say where and which tracks."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": text for key, text in flat(value).items()}
        elif name not in _NOT_COMPARED:
            found[str(name)] = "null" if value is None else printable(str(value))
    return found
